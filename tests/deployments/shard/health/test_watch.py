"""A watch over real processes that write their pulse as an engine core and its worker do.

They stand for vLLM's; `tests/system/served` ends and stops the real ones.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from deployments.shard.health.processes import Processes
from deployments.shard.health.progress import Progress
from deployments.shard.health.watch import End, Watch
from deployments.wire.loss import How

_PROCESS = """
import sys, time
from deployments.shard.health.plugin import noting_failures, own_pulse
slot, plan = int(sys.argv[1]), sys.argv[2]
pulse = own_pulse()
pulse.end(slot)
print("ready", flush=True)
if plan in ("wait", "join"):
    import torch.distributed
    meeting = sys.argv[3]
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=slot, world_size=2)
def hang_in_here():
    time.sleep(600)
@noting_failures
def run():
    while True:
        pulse.begin(slot, 3, 700)
        if plan == "hang":
            hang_in_here()
        if plan == "wait":
            torch.distributed.barrier()
        if plan == "fail":
            raise RuntimeError("out of memory")
        time.sleep(0.01)
        pulse.end(slot)
run()
"""


@dataclass
class Rank:
    """Processes of one rank, and the watch over them."""

    processes: Processes
    directory: Path
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *plans: str) -> None:
        for slot, plan in enumerate(plans):
            meeting = (self.directory / "meeting").as_uri()
            command = [sys.executable, "-c", _PROCESS, str(slot), plan, meeting]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            self.children.append(child)

    def watch(
        self,
        silence_s: float = 0.5,
        start_s: float = 0,
        exit_code: Callable[[], int | None] | None = None,
    ) -> Watch:
        return Watch(
            self.processes,
            Progress(silence_s, start_s),
            requests=lambda: 0,
            step_tokens=lambda: 0,
            exit_code=exit_code or self.children[0].poll,
        )

    def end(self, **options: Any) -> End:
        async def ended() -> End:
            async with asyncio.timeout(30):
                return await self.watch(**options).end(asyncio.Future())

        return asyncio.run(ended())

    def end_in_gang(self, after_s: float) -> End:
        """Return how the watch ends if another rank dies after so long."""

        async def ended() -> End:
            async with asyncio.timeout(30):
                gang_ends = asyncio.sleep(after_s)
                return await self.watch(silence_s=60).end_in_gang(asyncio.Future(), gang_ends)

        return asyncio.run(ended())


@pytest.fixture
def rank(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rank]:
    monkeypatch.setenv("SMALL4_PULSE", "")  # restored after the test
    rank = Rank(Processes(), tmp_path)
    yield rank
    rank.processes.kill()
    for child in rank.children:
        child.wait(timeout=10)
        assert child.stdout is not None
        child.stdout.close()
    rank.processes.close()


def test_an_engine_core_that_is_killed_ends_its_watch(rank: Rank) -> None:
    rank.start("work", "work")
    rank.children[0].kill()
    end = rank.end()
    assert (end.how, end.from_outside) == (How.KILLED, True)
    assert "killed by signal 9: engine core" in end.doing
    assert "700 tokens of 3 requests" in end.doing or "between steps" in end.doing


def test_an_engine_core_that_crashes_wasnt_ended_from_outside(rank: Rank) -> None:
    rank.start("work", "work")
    rank.children[0].send_signal(signal.SIGSEGV)
    end = rank.end()
    assert (end.how, end.from_outside) == (How.KILLED, False)
    assert "killed by signal 11: engine core" in end.doing


def test_a_worker_that_is_killed_is_named(rank: Rank) -> None:
    rank.start("work", "work")
    rank.children[1].kill()
    end = rank.end()
    assert (end.how, "gone: worker 0" in end.doing) == (How.KILLED, True)


def test_a_process_that_fails_says_why(rank: Rank) -> None:
    rank.start("work", "fail")
    end = rank.end()
    assert (end.how, end.doing.split(";")[0]) == (How.FAILED, "RuntimeError: out of memory")


def test_a_process_that_is_stopped_for_too_long_counts_as_lost(rank: Rank) -> None:
    rank.start("work", "work")
    os.kill(rank.children[1].pid, signal.SIGSTOP)
    end = rank.end()
    assert (end.how, "worker 0" in end.doing) == (How.STOPPED, True)


def test_a_process_that_hangs_says_where(rank: Rank) -> None:
    rank.start("hang")
    end = rank.end()
    assert end.how is How.SILENT
    assert "in hang_in_here (" in end.doing
    assert "700 tokens of 3 requests" in end.doing
    assert end.steps == 1


def test_a_process_that_waits_for_another_rank_is_told_from_one_that_hangs(rank: Rank) -> None:
    rank.start("wait", "join")
    end = rank.end(silence_s=3)
    assert (end.how, "barrier (" in end.doing) == (How.WAITING, True)


@pytest.mark.parametrize("pause_s", [0.0, 0.4])
def test_an_engine_that_works_or_pauses_for_less_than_the_bound_is_left_alone(
    rank: Rank, pause_s: float
) -> None:
    async def watched() -> None:
        watching = asyncio.create_task(rank.watch(silence_s=2).end(asyncio.Future()))
        for _ in range(4):
            os.kill(rank.children[0].pid, signal.SIGSTOP)
            await asyncio.sleep(pause_s)
            os.kill(rank.children[0].pid, signal.SIGCONT)
            await asyncio.sleep(0.4)
        assert not watching.done()
        watching.cancel()

    rank.start("work", "work")
    asyncio.run(watched())


def test_the_longest_step_that_may_be_is_waited_for(rank: Rank) -> None:
    async def watched() -> None:
        async with asyncio.timeout(1):
            await rank.watch(silence_s=0.1, start_s=600).end(asyncio.Future())

    rank.start("hang")
    with pytest.raises(TimeoutError):
        asyncio.run(watched())


def test_an_engine_ends_with_its_gang(rank: Rank) -> None:
    rank.start("work")
    end = rank.end_in_gang(after_s=0)
    assert end.how is How.WAITING
    assert end.doing.startswith("another rank of its gang has died: engine core")


@pytest.mark.parametrize("after_s", [0, 600])
def test_an_engine_that_died_itself_says_so_whatever_its_gang_does(
    rank: Rank, after_s: float
) -> None:
    rank.start("work")
    rank.children[0].kill()
    assert rank.end_in_gang(after_s).how is How.KILLED


def test_killed_processes_are_waited_for(rank: Rank) -> None:
    rank.start("work")
    assert not rank.processes.gone(within_s=0.1)
    rank.processes.kill()
    assert rank.processes.gone(within_s=10)


def test_nothing_of_a_rank_is_left_once_it_is_killed(rank: Rank) -> None:
    rank.start("hang", "work")
    os.kill(rank.children[0].pid, signal.SIGSTOP)
    rank.processes.kill()
    assert [child.wait(timeout=10) for child in rank.children] == [-signal.SIGKILL] * 2


def test_an_engine_doesnt_outlive_the_shard_that_started_it(rank: Rank) -> None:
    command = [sys.executable, "-c", _PROCESS, "0", "hang"]
    shard = f"import subprocess; subprocess.run({command!r})"
    with subprocess.Popen(
        [sys.executable, "-c", shard], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        (engine,) = rank.processes.look()
        parent.kill()
    psutil.Process(engine.beat.pid).wait(timeout=10)


def test_the_signal_is_told_though_the_exit_code_comes_late(rank: Rank) -> None:
    """As of a process whose threads end after it."""
    rank.start("work")
    rank.children[0].kill()
    rank.children[0].wait()
    codes = iter([None, None, None])
    end = rank.end(exit_code=lambda: next(codes, -9))
    assert "killed by signal 9: engine core" in end.doing
