"""Engines die under running streams; clients must not notice."""

import asyncio
from typing import Any

import psutil
import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.streams import GREEDY, MIXED, Streams, answers_despite_killing
from tests.system.served.two_gangs.living import both_gangs, gangs


@pytest.mark.parametrize("requests", [GREEDY, MIXED], ids=["greedy", "mixed"])
def test_streams_outlive_the_engine_of_one_gang(
    deployed: Deployed, requests: list[dict[str, Any]]
) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = asyncio.run(Streams(deployed.url, deployed.model, requests).answers())
    victim = status["ranks"][0]["engine_pid"]
    assert asyncio.run(answers_despite_killing(deployed, requests, victim)) == expected


def test_streams_outlive_a_shard_whose_gang_comes_back(deployed: Deployed) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = asyncio.run(Streams(deployed.url, deployed.model, GREEDY).answers())
    engine = psutil.Process(status["ranks"][0]["engine_pid"])
    assert asyncio.run(answers_despite_killing(deployed, GREEDY, engine.ppid())) == expected
    engine.wait(timeout=30)  # an orphan would keep a GPU from its successor
    deployed.wait_until(lambda now: both_gangs(now) and gangs(now) != gangs(status), 250)
    deployed.wait_until(lambda now: now["status"] == "RUNNING", timeout_s=60)
