"""The arrows between packages, and what importing one of them may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from configs.schema import PROJECT_ROOT

MAY_IMPORT = {
    "configs": set(),
    "model_shards": {"configs"},
    "cluster": {"configs"},
    "deployments": {"configs", "model_shards", "cluster"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_those_below(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for file in (PROJECT_ROOT / package).rglob("*.py"):
        assert imported_packages(file) & MAY_IMPORT.keys() <= allowed, file


@pytest.mark.parametrize(
    "module",
    [
        "cluster.plan.planner",
        "configs.serve_file",
        "deployments.cli",
        "deployments.scheduling.dispatch",
        "deployments.router.router",  # vLLM must not look for a device before it is told not to
        "model_shards.shard_set.split",
    ],
)
def test_importing_what_decides_or_prints_brings_in_no_engine(module: str) -> None:
    code = f"import sys, {module}; print(*{{'torch', 'vllm'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def imported_packages(file: Path) -> set[str]:
    """The first parts of all names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
