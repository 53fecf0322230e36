"""Rendered files are the golden ones; a change is to be read before it becomes golden.

`SMALL4_WRITE_GOLDEN=1 make test ARGS=tests/cluster/render/test_golden.py` writes them anew.
"""

import os
import re
import shutil

import pytest

from tests.cluster.render import shipped

_SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}"  # AWS's key ids
    r"|-----BEGIN"
    r"|\bs4-[\w-]{20,}"  # clients' keys
    r"|\b[0-9a-fA-F]{32,}\b"  # Ray's tokens, hashes of keys
    r"|\beyJ[\w-]{20,}"  # JSON web tokens
    r"|(?i:secret_access_key|password|RAY_AUTH_TOKEN)\s*[:=]"
)


@pytest.mark.parametrize("name", shipped.NAMES)
def test_rendered_files_are_those_that_were_read(name: str) -> None:
    files, directory = shipped.files(name), shipped.golden(name)
    if os.environ.get("SMALL4_WRITE_GOLDEN"):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for file, text in files.items():
            (directory / file).write_text(text, "utf-8")
    kept = {path.name: path.read_text("utf-8") for path in directory.iterdir()}
    assert files == kept


@pytest.mark.parametrize("name", shipped.NAMES)
def test_no_rendered_file_has_a_secret(name: str) -> None:
    for file, text in shipped.files(name).items():
        assert _SECRETS.search(text) is None, file


@pytest.mark.parametrize(
    "text",
    [
        "s4-bD0lD4kqVu7y9pXz3mNwQw",
        "RAY_AUTH_TOKEN=abc",
        "token: 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
        "aws_secret_access_key: x",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_the_search_for_secrets_finds_some(text: str) -> None:
    assert _SECRETS.search(text)
