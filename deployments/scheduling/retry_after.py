"""How long a refused client is told to wait, by how fast the line gets shorter."""

from collections import deque

_REMEMBERED = 64
_SHORTEST_S, _LONGEST_S = 1.0, 60.0


class RetryAfter:
    """Estimates a refused client's wait from the times at which the last requests were served."""

    def __init__(self) -> None:
        self._served_at_s: deque[float] = deque(maxlen=_REMEMBERED)

    def serve(self, now_s: float) -> None:
        self._served_at_s.append(now_s)

    def wait_s(self, waiting: int, now_s: float) -> float:
        """Return the seconds until `waiting` requests are served at the recent rate, 1 to 60."""
        if not self._served_at_s or now_s <= self._served_at_s[0]:
            return _LONGEST_S if waiting else _SHORTEST_S
        rate = len(self._served_at_s) / (now_s - self._served_at_s[0])
        return min(_LONGEST_S, max(_SHORTEST_S, waiting / rate))
