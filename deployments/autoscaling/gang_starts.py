"""How long a gang takes to come up, from asking for it: nodes, processes, weights."""

from collections import deque
from collections.abc import Set as AbstractSet

_MOST_S = 3600.0  # a gang that took longer has waited for machines that weren't available


class GangStarts:
    """Measures how long starts take, by how many gangs are wanted and which are up."""

    def __init__(self) -> None:
        self.start_s: float | None = None  # how long the last start took
        self._wanted: int | None = None
        self._asked_at_s: deque[float] = deque()  # of gangs that haven't come up
        self._known: set[str] = set()

    def want(self, gangs: int, now_s: float) -> None:
        """Note how many gangs are wanted.

        If they are fewer than before, those that were asked for last are wanted no longer.
        """
        more = gangs - (gangs if self._wanted is None else self._wanted)
        self._wanted = gangs
        self._asked_at_s.extend([now_s] * max(0, more))
        for _ in range(min(max(0, -more), len(self._asked_at_s))):
            self._asked_at_s.pop()

    def see(self, up: AbstractSet[str], now_s: float) -> None:
        """Note which gangs are up.

        A gang that comes back after a fault wasn't asked for, and measures nothing.
        """
        for _ in up - self._known:
            if self._asked_at_s:
                self.start_s = min(_MOST_S, now_s - self._asked_at_s.popleft())
        self._known = set(up)
