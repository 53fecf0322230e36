"""The keys of this folder's deployment, and the file that holds them."""

from pathlib import Path

import yaml

from configs.keys import Key
from tests.deployments.access.keys import key

KEYS = [
    key("interactive", **{"class": "interactive"}),
    key("many"),
    key("few"),
    key("batch", **{"class": "batch"}),
    key("requests", requests_per_minute=60),
    key("tokens", tokens_per_minute=200),
    key("streams", streams=3),
    key("elsewhere", models=("another-model",)),
]
SEQUENCES = 8  # that the rank takes at once


def write_keys(path: Path, keys: list[Key]) -> Path:
    """Write a keys file, and return its path."""
    entries = [key.model_dump(by_alias=True) for key in keys]
    path.write_text(yaml.safe_dump({"keys": entries}), encoding="utf-8")
    return path
