"""Two gangs of one rank each behind one router."""

import pytest

from tests.system.served.deployed import Deployed, write_config


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    config = tmp_path_factory.mktemp("config") / "two-gangs.yaml"
    frontend = {"enable_prompt_tokens_details": True}  # how much of a prompt was cached
    gangs = {"count": 2, "ranks": 1}
    return Deployed.up(write_config(config, gangs=gangs, routers={"count": 1}, frontend=frontend))
