"""How hard a router works: CPU, and how late its event loop is."""

import asyncio
import time

_LOOK_EVERY_S = 0.1
_WEIGHT = 0.02  # of each look: half of what is told is of the last 3.5 s


class Utilization:
    """`cpu` of a core, `lag_s` in seconds; both are means that forget.

    Threads that tokenize and decode images may take more cores than one, at its start above all.
    That isn't what another router is needed for: the event loop, which is, has but one.
    """

    def __init__(self) -> None:
        self.cpu = 0.0
        self.lag_s = 0.0

    async def watch(self) -> None:
        """Runs for ever."""
        before_s, before_cpu_s = time.monotonic(), time.process_time()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now_s, now_cpu_s = time.monotonic(), time.process_time()
            self.look(now_s - before_s, now_cpu_s - before_cpu_s)
            before_s, before_cpu_s = now_s, now_cpu_s

    def look(self, elapsed_s: float, cpu_s: float) -> None:
        """After a sleep that should have taken `_LOOK_EVERY_S`."""
        self.cpu += _WEIGHT * (min(1.0, cpu_s / elapsed_s) - self.cpu)
        self.lag_s += _WEIGHT * (elapsed_s - _LOOK_EVERY_S - self.lag_s)
