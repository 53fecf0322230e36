import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from deployments.chaos.inflict import inflict, possible
from deployments.chaos.kind import Kind, Role, Way
from deployments.chaos.observer import identity
from tests.deployments.chaos.looks import WHOLE

Two = dict[Role, list[psutil.Process]]


@pytest.fixture
def two() -> Iterator[Two]:
    """Start two processes, as if they were routers; there is no worker."""
    started = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) for _ in range(2)]
    yield {Role.ROUTER: [psutil.Process(one.pid) for one in started], Role.WORKER: []}
    for one in started:
        one.kill()
        one.communicate()


def wait_for(process: psutil.Process, *statuses: str) -> None:
    deadline_s = time.monotonic() + 20
    while process.status() not in statuses:
        assert time.monotonic() < deadline_s, process.status()
        time.sleep(0.01)


@pytest.mark.parametrize("target", [1, 3])
def test_a_killed_process_is_the_one_that_was_drawn(two: Two, target: int) -> None:
    inflicted = inflict(Kind(Way.KILL, Role.ROUTER), target, WHOLE, two)
    wait_for(two[Role.ROUTER][1], psutil.STATUS_ZOMBIE)
    assert inflicted.victims == {identity(two[Role.ROUTER][1])}
    assert two[Role.ROUTER][0].is_running()


@pytest.mark.parametrize("way", [Way.STOP, Way.PAUSE, Way.SLOW])
def test_a_stopped_process_goes_on_when_it_is_healed(two: Two, way: Way) -> None:
    victim = two[Role.ROUTER][0]
    inflicted = inflict(Kind(way, Role.ROUTER), 0, WHOLE, two)
    wait_for(victim, psutil.STATUS_STOPPED)
    assert inflicted.victims == ({identity(victim)} if way is Way.STOP else set())
    inflicted.heal()
    wait_for(victim, psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING)
    time.sleep(0.5)  # a process that is still slowed would be stopped again by now
    assert victim.status() != psutil.STATUS_STOPPED


def test_what_is_not_there_cannot_be_hit(two: Two) -> None:
    assert not possible(Kind(Way.KILL, Role.WORKER), two)
    assert possible(Kind(Way.KILL, Role.ROUTER), two)
    assert possible(Kind(Way.CUT, Role.RANK), two)
