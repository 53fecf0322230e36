"""The utilization of a router: its CPU time, and how late its event loop is."""

import asyncio
import time

_LOOK_EVERY_S = 0.1
_WEIGHT = 0.02  # of each measurement: half of a mean is of the last 3.5 s


class Utilization:
    """Measures a router: `cpu` as a share of one core, and the event loop's `lag_s` in seconds.

    Both are means in which old measurements fade. Threads that tokenize and decode images may take
    more than one core, above all when a router starts. That needs no further router: what does is
    the event loop, which has only one core.
    """

    def __init__(self) -> None:
        self.cpu = 0.0
        self.lag_s = 0.0

    async def watch(self) -> None:
        """Measure for ever."""
        before_s, before_cpu_s = time.monotonic(), time.process_time()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now_s, now_cpu_s = time.monotonic(), time.process_time()
            self.look(now_s - before_s, now_cpu_s - before_cpu_s)
            before_s, before_cpu_s = now_s, now_cpu_s

    def look(self, elapsed_s: float, cpu_s: float) -> None:
        """Take one measurement, after a sleep that should have taken `_LOOK_EVERY_S`."""
        self.cpu += _WEIGHT * (min(1.0, cpu_s / elapsed_s) - self.cpu)
        self.lag_s += _WEIGHT * (elapsed_s - _LOOK_EVERY_S - self.lag_s)
