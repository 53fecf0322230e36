import os
from pathlib import Path

import pytest

from configs.access import Access
from configs.errors import ConfigError
from configs.keys import hashed
from deployments.access import key_ring
from deployments.access.key_ring import KeyRing


def entry(name: str) -> str:
    return f'keys: [{{name: {name}, sha256: "{hashed(name)}"}}]'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.yaml"
    path.write_text(entry("first"))
    return path


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ring, "_LOOK_EVERY_S", 0)


def test_a_new_file_is_read_without_a_restart(path: Path) -> None:
    ring = KeyRing(Access(keys_file=path))
    assert ring.find("first")
    replacement = path.with_suffix(".new")
    replacement.write_text(entry("second"))
    os.replace(replacement, path)
    assert ring.find("first") is None
    assert ring.find("second")


def test_a_wrong_file_changes_nothing(path: Path) -> None:
    ring = KeyRing(Access(keys_file=path))
    path.write_text("keys: oops")
    assert ring.find("first")
    path.unlink()
    assert ring.find("first")
    path.write_text(entry("second"))
    assert ring.find("second")


def test_keys_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="THE_KEYS isn't set"):
        KeyRing(Access(keys_env="THE_KEYS"))
    monkeypatch.setenv("THE_KEYS", entry("first"))
    assert KeyRing(Access(keys_env="THE_KEYS")).find("first")


@pytest.mark.parametrize("presented", ["", "firs", "first ", hashed("first")])
def test_anything_else_is_no_key(path: Path, presented: str) -> None:
    assert KeyRing(Access(keys_file=path)).find(presented) is None
