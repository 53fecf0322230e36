"""One gang of one rank and one router, and what takes their place."""

from pathlib import Path

import pytest

from tests.system.served.deployed import Deployed, write_config


def config(path: Path, **args: object) -> Path:
    """Write the config of one gang of one rank, with `args` changed."""
    return write_config(path, gangs={"count": 1, "ranks": 1}, routers={"count": 1}, **args)


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return Deployed.up(config(tmp_path_factory.mktemp("config") / "old.yaml"))
