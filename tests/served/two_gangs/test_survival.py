"""Engines die under running streams; clients must not notice."""

import asyncio
import os
import signal
from typing import Any

import pytest

from tests.served.deployed import Deployed
from tests.served.streams import GREEDY, MIXED, Answer, Streams


@pytest.mark.parametrize("requests", [GREEDY, MIXED], ids=["greedy", "mixed"])
def test_streams_outlive_the_engine_of_one_gang(
    deployed: Deployed, requests: list[dict[str, Any]]
) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=200)
    expected = asyncio.run(Streams(deployed.url, deployed.model, requests).answers())
    victim = status["ranks"][0]["engine_pid"]
    assert asyncio.run(answers_despite_killing(deployed, requests, victim)) == expected


def test_a_gang_that_died_comes_back(deployed: Deployed) -> None:
    before = {rank["gang"] for rank in deployed.wait_until(both_gangs, 200)["ranks"]}
    os.kill(deployed.status()["ranks"][0]["engine_pid"], signal.SIGKILL)
    deployed.wait_until(lambda status: gangs(status) - before != set(), timeout_s=200)
    assert deployed.wait_until(both_gangs, timeout_s=60)["status"] == "RUNNING"


async def answers_despite_killing(
    deployed: Deployed, requests: list[dict[str, Any]], victim: int
) -> list[dict[int, Answer]]:
    """Kills the engine once every stream has begun."""
    streams = Streams(deployed.url, deployed.model, requests)
    answers = asyncio.create_task(streams.answers())
    await asyncio.wait(
        {answers, asyncio.create_task(streams.begun.wait())},
        timeout=60,
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert not answers.done(), "the streams were over before the engine could be killed"
    os.kill(victim, signal.SIGKILL)
    return await answers


def gangs(status: dict[str, Any]) -> set[str]:
    return {rank["gang"] for rank in status["ranks"]}


def both_gangs(status: dict[str, Any]) -> bool:
    return len(gangs(status)) == 2
