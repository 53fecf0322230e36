"""Whatever serves already, or one gang of one rank."""

import subprocess

import pytest

from tests.system.served.deployed import SMALL4, Deployed, write_config


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    path = tmp_path_factory.mktemp("config") / "head.yaml"
    config = write_config(path, gangs={"ranks": 1}, routers={"count": 1})
    status = subprocess.run([SMALL4, "status", config], capture_output=True, check=False)
    return Deployed(config) if status.returncode == 0 else Deployed.up(config)
