"""Engines and shards die, or fall silent, under running streams; clients must not notice."""

import asyncio
import signal
from typing import Any

import psutil
import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.processes import shard_of
from tests.system.served.streams import GREEDY, LONG, MIXED, Streams, answers_despite
from tests.system.served.two_gangs.living import both_gangs, gangs


@pytest.mark.parametrize("requests", [GREEDY, MIXED], ids=["greedy", "mixed"])
def test_streams_outlive_the_engine_of_one_gang(
    deployed: Deployed, requests: list[dict[str, Any]]
) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = undisturbed(deployed, requests)
    victim = status["ranks"][0]["engine_pid"]
    answers = asyncio.run(answers_despite(deployed, requests, victim, signal.SIGKILL))
    assert answers == expected
    cause = next_cause(deployed, status)
    assert cause["how"] == "KILLED"


def test_streams_outlive_a_shard_whose_gang_comes_back(deployed: Deployed) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = undisturbed(deployed, GREEDY)
    engine = psutil.Process(status["ranks"][0]["engine_pid"])
    victim = shard_of(engine).pid
    answers = asyncio.run(answers_despite(deployed, GREEDY, victim, signal.SIGKILL))
    assert answers == expected
    engine.wait(timeout=30)  # an orphan would keep a GPU from its successor
    deployed.wait_until(lambda now: both_gangs(now) and gangs(now) != gangs(status), 250)
    deployed.wait_until(lambda now: now["status"] == "RUNNING", timeout_s=60)


@pytest.mark.parametrize("process", ["engine", "shard"])
def test_streams_outlive_what_is_stopped_and_its_gang_comes_back(
    deployed: Deployed, process: str
) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = undisturbed(deployed, LONG)
    engine = psutil.Process(status["ranks"][0]["engine_pid"])
    shard = shard_of(engine)
    victim = engine if process == "engine" else shard
    answers = asyncio.run(answers_despite(deployed, LONG, victim.pid, signal.SIGSTOP))
    assert answers == expected
    for ended in (engine, shard):
        ended.wait(timeout=120)  # nothing ends by itself while it is stopped
    cause = next_cause(deployed, status)
    assert cause["how"] == ("STOPPED" if process == "engine" else "VANISHED")
    deployed.wait_until(lambda now: both_gangs(now) and gangs(now) != gangs(status), 250)


def test_an_engine_that_pauses_is_left_alone(deployed: Deployed) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = undisturbed(deployed, LONG)
    victim = status["ranks"][0]["engine_pid"]
    pause = signal.SIGSTOP, signal.SIGCONT
    assert asyncio.run(answers_despite(deployed, LONG, victim, *pause)) == expected
    now = deployed.status()
    assert gangs(now) == gangs(status)
    assert len(now["lost"]) == len(status["lost"])


def undisturbed(deployed: Deployed, requests: list[dict[str, Any]]) -> Any:
    return asyncio.run(Streams(deployed.url, deployed.model, requests).answers())


def next_cause(deployed: Deployed, before: dict[str, Any]) -> dict[str, Any]:
    """Return the only cause that has come since; it names the rank that was first in `before`."""
    known = len(before["lost"])
    now = deployed.wait_until(lambda status: len(status["lost"]) > known, timeout_s=60)
    cause: dict[str, Any] = now["lost"][0]
    victim = before["ranks"][0]
    assert (cause["gang"], cause["rank"]) == (victim["gang"], victim["rank"])
    assert len(now["lost"]) == known + 1
    return cause
