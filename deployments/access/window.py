"""How much of a limit per minute is used up."""

from collections import deque

_MINUTE_S = 60.0
_BIN_S = 0.25


class Window:
    """Counts what was taken in the last minute, in bins of a quarter of a second: 241 at most.

    A limit holds for any minute, not only for those of the clock. Times are seconds of one clock.
    """

    def __init__(self) -> None:
        # Of each bin: when it began, and what was taken in it.
        self._bins: deque[list[float]] = deque()
        self._taken = 0.0

    def left(self, limit: float, now_s: float) -> float:
        """Return what is left of a limit; below 0 if more was charged than there was."""
        self._forget(now_s)
        return limit - self._taken

    def charge(self, amount: float, now_s: float) -> None:
        start_s = now_s - now_s % _BIN_S
        if not self._bins or self._bins[-1][0] != start_s:
            self._bins.append([start_s, 0.0])
        self._bins[-1][1] += amount
        self._taken += amount

    def wait_s(self, limit: float, amount: float, now_s: float) -> float:
        """Return the seconds until `amount` is left if no more is taken; 0 if it is left now."""
        missing = amount - self.left(limit, now_s)
        for start_s, taken in self._bins:
            if missing <= 0:
                break
            missing -= taken
            wait_s = start_s + _BIN_S + _MINUTE_S - now_s
            if missing <= 0:
                return wait_s
        return 0.0 if missing <= 0 else _MINUTE_S

    def _forget(self, now_s: float) -> None:
        while self._bins and self._bins[0][0] + _BIN_S + _MINUTE_S <= now_s:
            self._taken -= self._bins.popleft()[1]
        if not self._bins:
            self._taken = 0.0  # sums of fractions drift
