"""READMEs are short, and true about where things are."""

import re
from pathlib import Path

import pytest

from configs.schema import PROJECT_ROOT

README = PROJECT_ROOT / "README.md"
CONTRIBUTING = PROJECT_ROOT / ".github" / "CONTRIBUTING.md"
DOCUMENTS = [README, CONTRIBUTING, *sorted(PROJECT_ROOT.glob("[a-z]*/**/README.md"))]
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?)`")
_ITEM = re.compile(r"^(?:-|\d+\.) ", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# Where paths of a document may be relative to.
_ROOTS = ("", "deployments", "deployments/front_end", "deployments/bench")
# Whatever says of itself that it was read from sources of a version.
_READ_FROM = re.compile(r"[Rr]ead from (?:vLLM|Ray|KubeRay)|\b(?:vLLM 0\.|Ray 2\.)\d+")


def name(document: Path) -> str:
    return str(document.relative_to(PROJECT_ROOT))


def paragraphs(document: Path) -> list[str]:
    """Return the running text of a document: no code, tables, or headings."""
    blocks = _CODE.sub("", document.read_text("utf-8")).split("\n\n")
    return [
        block for block in blocks if block.strip() and not block.lstrip().startswith(("|", "#"))
    ]


def test_the_readme_is_read_in_minutes() -> None:
    assert len(README.read_bytes()) <= 9000


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_no_paragraph_is_long(document: Path) -> None:
    items = [item for text in paragraphs(document) for item in _ITEM.split(text)]
    assert max(len(item.split()) for item in items) <= 80


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_path_and_link_leads_somewhere(document: Path) -> None:
    text = _CODE.sub("", document.read_text("utf-8"))
    links = [document.parent / link for link in _LINK.findall(text)]
    assert not [link for link in links if not link.exists()]
    roots = [document.parent, *(PROJECT_ROOT / root for root in _ROOTS)]
    paths = [path for path in _PATH.findall(text) if path.split("/")[0] in _tree()]
    assert not [path for path in paths if not any((root / path).exists() for root in roots)]


def _tree() -> set[str]:
    """Return the names of all folders, with which a path of ours begins."""
    folders = (
        path
        for top in ("configs", "cluster", "model_shards", "deployments", "tests")
        for path in [PROJECT_ROOT / top, *(PROJECT_ROOT / top).rglob("*")]
    )
    return {path.name for path in folders if path.is_dir()}


def test_modules_that_rely_on_private_apis_are_listed_for_upgrades() -> None:
    listed = _listed_modules()
    assert not [module for module in listed if not module.exists()]
    modules = (
        file
        for package in ("cluster", "model_shards", "deployments")
        for file in (PROJECT_ROOT / package).rglob("*.py")
    )
    read_from = {file for file in modules if _READ_FROM.search(file.read_text("utf-8"))}
    assert read_from <= listed


def _listed_modules() -> set[Path]:
    """Read CONTRIBUTING's table: several modules of a row lie in the folder of the first."""
    table = CONTRIBUTING.read_text("utf-8").partition("## Before vLLM or Ray is upgraded")[2]
    found = set()
    for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        found |= {PROJECT_ROOT / first, *((PROJECT_ROOT / first).parent / name for name in others)}
    return found
