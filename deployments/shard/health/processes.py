"""A rank's engine core and workers as the operating system sees them."""

import contextlib
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from configs.environment import share_pulse
from deployments.shard.health.plugin import STACK_SIGNAL, beside
from deployments.shard.health.pulse import ENGINE, SLOTS, Beat, Pulse

_STACK_WAIT_S = 0.3
# Folders of functions that need the other ranks.
_COLLECTIVE = ("torch/distributed/", "distributed/device_communicators/", "deep_ep", "dp_utils")

_CALL = re.compile(r'File "(.*)", line (\d+) in (.*)')


@dataclass(frozen=True, slots=True)
class Sight:
    """One process: its pulse, and whether it is there or stopped."""

    name: str
    beat: Beat
    there: bool
    stopped: bool
    failure: str  # its exception in one line, and the calls that led to it; or empty

    def doing(self, now_s: float) -> str:
        """Say what the process is in, for an operator."""
        beat = self.beat
        if beat.since_s is None:
            step = f"between steps, after {beat.steps}"
        else:
            step = f"in step {beat.steps} for {now_s - beat.since_s:.1f} s"
            if beat.requests:
                step += f", of {beat.tokens} tokens of {beat.requests} requests"
        return f"{self.name} (process {beat.pid}): {step}"


class Processes:
    """All processes of one rank, found by the pulse that they write to."""

    def __init__(self) -> None:
        """Make the file of the pulse; the processes that this process then starts write to it."""
        self._directory = tempfile.TemporaryDirectory(prefix="small4-rank-")
        self._file = Path(self._directory.name) / "pulse"
        self._pulse = Pulse(self._file)
        share_pulse(self._file)

    def steps(self) -> int:
        """Return how many steps the engine core has begun."""
        return self._pulse.read(ENGINE).steps

    def look(self) -> list[Sight]:
        """Look at the engine core and then at the workers, at those that have begun to beat."""
        return [
            self._sight("engine core" if slot == ENGINE else f"worker {slot - 1}", beat)
            for slot in range(SLOTS)
            if (beat := self._pulse.read(slot)).pid
        ]

    def _sight(self, name: str, beat: Beat) -> Sight:
        try:
            state = psutil.Process(beat.pid).status()
        except psutil.NoSuchProcess:
            state = psutil.STATUS_DEAD
        there = state not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        stopped = state in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        file = beside(self._file, "failure", beat.pid)
        return Sight(name, beat, there, stopped, file.read_text() if file.exists() else "")

    def stacks(self) -> dict[int, list[str]]:
        """Ask every process that runs where it is; return its calls by pid, the innermost first.

        A thread of the engine that only waits for its workers says nothing, so of each process this
        is the main thread. A process that doesn't answer at once is left out. Blocks.
        """
        asked = [sight.beat.pid for sight in self.look() if sight.there and not sight.stopped]
        for pid in asked:
            with contextlib.suppress(OSError):
                beside(self._file, "stacks", pid).stat()  # else the signal would end the process
                psutil.Process(pid).send_signal(STACK_SIGNAL)
        time.sleep(_STACK_WAIT_S)
        return {pid: calls for pid in asked if (calls := self._calls(pid))}

    def _calls(self, pid: int) -> list[str]:
        try:
            dump = beside(self._file, "stacks", pid).read_text(errors="replace")
        except OSError:
            return []
        # The thread that took the signal, which is the main thread, comes last.
        last = dump.rstrip().split("\n\n")[-1]
        return [line.strip() for line in last.splitlines() if line.startswith("  File")]

    def kill(self) -> None:
        """End every process that is still there, and what it has started. Returns at once."""
        for process in self._there():
            with contextlib.suppress(psutil.NoSuchProcess):
                for member in (*process.children(recursive=True), process):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        member.send_signal(signal.SIGKILL)

    def gone(self, within_s: float) -> bool:
        """Wait until all of them are gone, with what they held of a GPU. Blocks."""
        _, left = psutil.wait_procs(list(self._there()), timeout=within_s)
        return not left

    def _there(self) -> Iterator[psutil.Process]:
        for sight in self.look():
            with contextlib.suppress(psutil.NoSuchProcess):
                yield psutil.Process(sight.beat.pid)

    def close(self) -> None:
        """Remove the file and what the processes have left beside it."""
        self._directory.cleanup()


def needs_others(calls: str) -> bool:
    """Tell whether these calls are in an operation that needs the other ranks."""
    return any(part in calls for part in _COLLECTIVE)


def innermost(calls: list[str], most: int = 3) -> str:
    """Return the innermost calls in one line, as `function (file:line)`."""
    return " < ".join(_CALL.sub(r"\3 (\1:\2)", call) for call in calls[:most])
