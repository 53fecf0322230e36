"""One rank of the only gang is lost: its peer can't go on, and there is nowhere else to go."""

import asyncio
import signal

import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.streams import MIXED, Streams, answers_despite


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
