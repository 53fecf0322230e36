"""One small rank behind three routers that want keys."""

from pathlib import Path

import pytest

from tests.system.served.deployed import Deployed, write_config
from tests.system.served.keys.clients import KEYS, SEQUENCES, write_keys


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
