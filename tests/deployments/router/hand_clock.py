"""A clock that a test advances by hand."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(order=True)
class Timer:
    """One call that is due at a time; timers due at the same time are called as they were made."""

    at_s: float
    number: int
    call: Callable[[], Any] | None

    def cancel(self) -> None:
        self.call = None


class HandClock:
    """Stands for an event loop's clock; its time passes in `advance` only."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._timers: list[Timer] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self._now_s

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        timer = Timer(self._now_s + delay, next(self._numbers), lambda: callback(*args))
        heapq.heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, and make the calls that become due, each at its own time."""
        end_s = self._now_s + seconds
        while self._timers and self._timers[0].at_s <= end_s:
            timer = heapq.heappop(self._timers)
            self._now_s = timer.at_s
            if timer.call is not None:
                timer.call()
        self._now_s = end_s
