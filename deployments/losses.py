"""Which rank's end was the cause of a gang's, and how long the next gang waits: pure policies."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from deployments.wire.loss import Loss

_KEPT = 32  # causes
_FORGOTTEN_AFTER_S = 600.0
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 300.0


def cause_of(losses: Sequence[Loss]) -> Loss:
    """Choose the cause among the losses of one gang, in the order in which they were reported.

    One rank's end ends the others: a process that was killed comes before one that failed, and that
    before ranks which only waited for others. Of ranks that hang alike, the one that came least far
    is waited for.
    """
    return min(losses, key=lambda loss: (loss.how, loss.steps))


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a gang's end, and when it was seen (seconds)."""

    at_s: float
    loss: Loss


class Causes:
    """The last gangs that ended, and why."""

    def __init__(self) -> None:
        self._causes: deque[Cause] = deque(maxlen=_KEPT)

    def add(self, loss: Loss, now_s: float) -> None:
        self._causes.append(Cause(now_s, loss))

    def forget(self, gang: str) -> None:
        """Forget a gang's end: it goes on."""
        kept = [cause for cause in self._causes if cause.loss.gang != gang]
        self._causes = deque(kept, maxlen=_KEPT)

    def last(self) -> list[Cause]:
        """Return the causes, the latest first."""
        return list(reversed(self._causes))

    def wait_s(self, now_s: float) -> float:
        """Return how long a gang waits before it starts, if those before it failed soon.

        That is, if they lived for less time than their start had taken. The first failure costs no
        time. From the second in a row on, each doubles the wait.
        """
        failures = 0
        for cause in self.last():
            if cause.loss.lived_s >= cause.loss.start_s or now_s - cause.at_s >= _FORGOTTEN_AFTER_S:
                break
            failures += 1
        if failures < 2:
            return 0.0
        wait_s = min(_FIRST_WAIT_S * 2.0 ** (failures - 2), _LONGEST_WAIT_S)
        return max(0.0, self.last()[0].at_s + wait_s - now_s)
