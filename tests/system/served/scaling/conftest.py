"""Gangs of one rank, from none to two, behind one router or two."""

import pytest

from tests.system.served.deployed import Deployed, write_config

# Streams alone count: on a busy machine an idle router, too, may be late, and its start is work.
ROUTERS = {"max_routers": 2, "streams": 6, "cpu": 1, "lag_s": 10, "up_s": 1, "down_s": 30}
SCALING = {
    "min_gangs": 0,
    "max_gangs": 2,
    "confirm_s": 2,
    "stabilise_s": 20,
    "idle_s": 15,
    "start_s": 10,
    "interval_s": 1,
    "ttft_s": 20,  # a queue isn't late on a busy machine: sequences alone count
    "tpot_s": 1,
}


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    config = tmp_path_factory.mktemp("config") / "scaling.yaml"
    return Deployed.up(
        write_config(
            config,
            gangs={"autoscaling": SCALING},
            routers={"autoscaling": ROUTERS},
            survival={"drain_s": 1},  # a stream that is longer moves
            engine={"max_num_seqs": 4},
        )
    )
