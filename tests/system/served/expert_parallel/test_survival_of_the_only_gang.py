"""One rank of the only gang is lost: its peer can't go on, and there is nowhere else to go."""

import asyncio
import signal
from typing import Any

import psutil
import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.processes import forked, shard_of
from tests.system.served.streams import GREEDY, MIXED, Streams, answers_despite


@pytest.mark.parametrize(
    ("sent", "how"),
    [(signal.SIGKILL, "KILLED"), (signal.SIGSTOP, "STOPPED")],
    ids=["dies", "hangs"],
)
def test_streams_wait_for_the_gang_and_go_on(
    deployed: Deployed, sent: signal.Signals, how: str
) -> None:
    expected = asyncio.run(Streams(deployed.url, deployed.model, MIXED).answers())
    before = deployed.status()
    victim = before["ranks"][1]["engine_pid"]
    assert asyncio.run(answers_despite(deployed, MIXED, victim, sent)) == expected
    lost = deployed.status()["lost"]
    # Its peer waited for it, and isn't the cause.
    assert (lost[0]["rank"], lost[0]["how"]) == (1, how), lost[0]["doing"]
    assert len(lost) == len(before["lost"]) + 1


def test_engines_come_back_in_their_replicas_if_one_has_died(deployed: Deployed) -> None:
    before = engines(deployed.wait_until(lambda status: len(engines(status)) == 2, timeout_s=120))
    shards = [shard_of(engine) for engine in before]
    asyncio.run(answers_despite(deployed, GREEDY, before[0].pid, signal.SIGKILL))
    after = engines(deployed.status())
    assert [shard_of(engine) for engine in after] == shards
    assert not set(after) & set(before)
    assert all(forked(engine) for engine in after)
    # A forkserver, a resource tracker and an engine core each, and one coordinator.
    left = [process for shard in shards for process in shard.children(recursive=True)]
    assert psutil.STATUS_ZOMBIE not in [process.status() for process in left]
    assert len(left) == 3 * len(shards) + 1, left


def engines(status: dict[str, Any]) -> list[psutil.Process]:
    """Return the engine cores that live, by rank; others are listed until their entry expires."""
    pids = [rank["engine_pid"] for rank in status["ranks"]]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
