"""Watches one rank's engine until it is lost, and says how: it died, was stopped, or is silent.

Read from vLLM 0.32.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deployments.shard.health.processes import Processes, Sight, innermost, needs_others
from deployments.shard.health.progress import Progress
from deployments.wire.loss import How

_LOOK_EVERY_S = 0.2
_OWN_END_S = 0.5  # for the end of a gang to reach each of its engines
_CODE_EVERY_S, _CODE_TRIES = 0.02, 25
_BY_WORKER = "Executor failed"  # in vLLM's error of an engine core whose worker is gone


@dataclass(frozen=True, slots=True)
class End:
    """How an engine ended, in words, and after how many steps."""

    how: How
    doing: str
    steps: int
    from_outside: bool = False  # by SIGKILL, or with a worker, which runs nothing between steps


class Watch:
    """Looks at an engine's processes several times a second."""

    def __init__(
        self,
        processes: Processes,
        progress: Progress,
        requests: Callable[[], int],
        step_tokens: Callable[[], int],
        exit_code: Callable[[], int | None],
    ) -> None:
        """Expect progress while the engine has `requests`.

        `step_tokens` are the most that a step may have to compute, at any rank of the gang;
        `exit_code` is the engine core's, None while it runs.
        """
        self._processes = processes
        self._progress = progress
        self._requests = requests
        self._step_tokens = step_tokens
        self._exit_code = exit_code
        self._stopped_since_s: float | None = None

    async def end(self, relaying: asyncio.Future[None]) -> End:
        """Return when the engine is lost; it may well be once `relaying` has ended."""
        while (end := await self._look()) is None:
            if relaying.done():
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                await asyncio.wait({relaying}, timeout=_LOOK_EVERY_S)
        return end

    async def end_in_gang(self, relaying: asyncio.Future[None], gang_ends: Awaitable[None]) -> End:
        """Return when the engine is lost, or can't go on without a rank that is: `gang_ends`.

        An engine without work doesn't notice that another has died.
        """
        own, others = asyncio.ensure_future(self.end(relaying)), asyncio.ensure_future(gang_ends)
        try:
            await asyncio.wait({own, others}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({own}, timeout=_OWN_END_S)
            return own.result() if own.done() else self._by_others()
        finally:
            own.cancel()
            others.cancel()

    def _by_others(self) -> End:
        seen, now_s = self._processes.look(), time.monotonic()
        steps, doing = (seen[0].beat.steps, seen[0].doing(now_s)) if seen else (0, "no process")
        return End(How.WAITING, f"another rank of its gang has died: {doing}", steps)

    async def _look(self) -> End | None:
        seen, now_s = self._processes.look(), time.monotonic()
        exit_code = await self._exited(seen)
        return (
            _ended(seen, now_s, exit_code)
            or self._stopped(seen, now_s)
            or await self._silent(seen, now_s)
        )

    async def _exited(self, seen: list[Sight]) -> int | None:
        """Return the engine core's exit code; None while it runs.

        A process that is gone may have threads that end a moment later, and its code with them.
        """
        for _ in range(_CODE_TRIES):
            if (code := self._exit_code()) is not None or not seen or seen[0].there:
                return code
            await asyncio.sleep(_CODE_EVERY_S)
        return None

    def _stopped(self, seen: list[Sight], now_s: float) -> End | None:
        """Tell whether a process is stopped for too long; a debugger stops one for moments."""
        stopped = [sight for sight in seen if sight.stopped]
        if not stopped:
            self._stopped_since_s = None
            return None
        if self._stopped_since_s is None:
            self._stopped_since_s = now_s
        for_s = now_s - self._stopped_since_s
        if for_s < self._progress.silence_s:
            return None
        doing = f"stopped by a signal for {for_s:.1f} s: {stopped[-1].doing(now_s)}"
        return End(How.STOPPED, doing, seen[0].beat.steps)

    async def _silent(self, seen: list[Sight], now_s: float) -> End | None:
        if not seen:
            return None
        engine = seen[0].beat
        busy = engine.since_s is not None or self._requests() > 0
        stalled_s = self._progress.stalled_s(engine.steps, now_s, busy=busy)
        bound_s = self._progress.bound_s(self._step_tokens())
        if stalled_s < bound_s:
            return None
        stacks = await asyncio.to_thread(self._processes.stacks)
        lines = [
            f"no step has ended for {stalled_s:.1f} s, where {bound_s:.1f} s are the most",
            *(_where(sight, stacks, now_s) for sight in seen),
        ]
        calls = "\n".join(call for calls in stacks.values() for call in calls)
        how = How.WAITING if needs_others(calls) else How.SILENT
        return End(how, "; ".join(lines), engine.steps)


def _ended(seen: list[Sight], now_s: float, exit_code: int | None) -> End | None:
    """Tell whether a process has ended, and which was first.

    An engine core ends if a worker was killed, and ends its workers if it fails itself. What it
    then writes tells which it was.
    """
    steps = seen[0].beat.steps if seen else 0
    gone = [sight for sight in reversed(seen) if not sight.there]  # workers first
    failed = [sight for sight in reversed(seen) if sight.failure]
    if failed and not (gone and _BY_WORKER in failed[0].failure):
        said, _, calls = failed[0].failure.partition("\n")
        how = How.WAITING if needs_others(calls) else How.FAILED
        return End(how, f"{said}; {failed[0].doing(now_s)}", steps)
    if gone:
        # A lone worker is in the engine core's own process.
        code = exit_code if gone[0].beat.pid == seen[0].beat.pid else None
        return End(How.KILLED, f"{_by(code)}: {gone[0].doing(now_s)}", steps, _outside(code))
    if exit_code is not None:  # before its first beat, or since the look
        doing = seen[0].doing(now_s) if seen else "the engine core, before its first step"
        return End(How.KILLED, f"{_by(exit_code)}: {doing}", steps, _outside(exit_code))
    return None


def _outside(exit_code: int | None) -> bool:
    return exit_code in (None, -signal.SIGKILL)


def _by(exit_code: int | None) -> str:
    if exit_code is None:
        return "gone"  # only its parent learns how, and vLLM's log has it
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"gone with code {exit_code}"


def _where(sight: Sight, stacks: dict[int, list[str]], now_s: float) -> str:
    calls = stacks.get(sight.beat.pid)
    return f"{sight.doing(now_s)}, in {innermost(calls)}" if calls else sight.doing(now_s)
