"""Whatever serves already, or one gang of one rank."""

import pytest

from deployments.ray_serve.rest_api import ServeApi
from tests.system.served.deployed import Deployed, write_config


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    path = tmp_path_factory.mktemp("config") / "head.yaml"
    config = write_config(path, gangs={"ranks": 1}, routers={"count": 1})
    if ServeApi().reachable() and ServeApi().applications():
        return Deployed(config)
    return Deployed.up(config)
