"""The clock of a dispatcher: how long requests wait, and when things happened."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """Tells the time, and calls back at a later time; tests drive one by hand."""

    def time(self) -> float:
        """Return seconds, as `time.monotonic()` does."""

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any:
        """Call `callback` after `delay` seconds, unless the returned handle is cancelled."""


class LoopClock:
    """The running event loop's timers, on a finer time: uvloop's own has whole milliseconds."""

    def time(self) -> float:
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any:
        return asyncio.get_running_loop().call_later(delay, callback, *args)
