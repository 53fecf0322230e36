"""One rank of the only gang dies: its peer can't go on, and there is nowhere else to go."""

import asyncio

from tests.system.served.deployed import Deployed
from tests.system.served.streams import MIXED, Streams, answers_despite_killing


def test_streams_wait_for_the_gang_and_go_on(deployed: Deployed) -> None:
    expected = asyncio.run(Streams(deployed.url, deployed.model, MIXED).answers())
    victim = deployed.status()["ranks"][1]["engine_pid"]
    assert asyncio.run(answers_despite_killing(deployed, MIXED, victim)) == expected
