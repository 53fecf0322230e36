"""One small rank behind three routers that want keys."""

from pathlib import Path

import pytest
import yaml

from configs.keys import Key
from tests.deployments.access.keys import key
from tests.system.served.deployed import Deployed, write_config

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


@pytest.fixture(scope="package")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_keys(tmp_path_factory.mktemp("keys") / "keys.yaml", KEYS)


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory, keys_file: Path) -> Deployed:
    config = write_config(
        tmp_path_factory.mktemp("config") / "keys.yaml",
        gangs={"ranks": 1},
        routers={"count": 3},
        access={"keys_file": str(keys_file)},
        engine={"max_num_seqs": SEQUENCES},
    )
    return Deployed.up(config)


def write_keys(path: Path, keys: list[Key]) -> Path:
    entries = [one.model_dump(by_alias=True) for one in keys]
    path.write_text(yaml.safe_dump({"keys": entries}), encoding="utf-8")
    return path
