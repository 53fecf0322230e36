"""What the dispatcher measures waiting by."""

from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """The part of an asyncio event loop that a dispatcher uses."""

    def time(self) -> float:
        """Return seconds, as `time.monotonic()` does."""

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any:
        """Call `callback` after `delay` seconds, unless the returned handle is cancelled."""
