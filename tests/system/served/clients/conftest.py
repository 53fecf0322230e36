"""One gang that runs four sequences, and one router in which five requests may wait."""

import pytest

from tests.system.served.clients.serving import WAITING, config
from tests.system.served.deployed import Deployed


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    file = tmp_path_factory.mktemp("config") / "clients.yaml"
    return Deployed.up(config(file, routers=1, waiting=WAITING))
