"""Two gangs of one rank each behind one router."""

import pytest

from tests.system.served.deployed import Deployed, write_config
from tests.system.served.two_gangs.poison import Poison


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    config = tmp_path_factory.mktemp("config") / "two-gangs.yaml"
    frontend = {"enable_prompt_tokens_details": True}  # how much of a prompt was cached
    return Deployed.up(
        write_config(
            config,
            gangs={"count": 2, "ranks": 1},
            routers={"count": 1},
            frontend=frontend,
            engine={"logits_processors": [f"{Poison.__module__}:{Poison.__name__}"]},
        )
    )
