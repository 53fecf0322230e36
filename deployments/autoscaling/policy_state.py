"""The state that the policy keeps from one look to the next."""

from bisect import bisect_left
from dataclasses import dataclass

from deployments.autoscaling.observation import RATE_S
from deployments.autoscaling.trend import Point

_ROUNDING = 1e-6  # seconds: clocks are sums


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the deployment, and what it recommends."""

    at_s: float
    arrivals_per_s: float  # without batch
    batch_per_s: float
    open: int  # requests that count, waiting or running
    missed: bool  # a target
    needed: int = 0  # gangs, so that targets are kept
    enough: int = 0  # gangs, so that no more will be needed again at once


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a decision knows of earlier looks; a new state knows nothing, and lets no gang go."""

    since_s: float | None = None
    moments: tuple[Moment, ...] = ()
    worked_at_s: float = 0.0
    up: int = 0
    up_since_s: float = 0.0
    correction: float = 1.0  # how many times more gangs are needed than the model says

    def since(self, at_s: float) -> tuple[Moment, ...]:
        return self.moments[bisect_left(self.moments, at_s - _ROUNDING, key=_at_s) :]

    def reaches(self, at_s: float) -> bool:
        """Tell whether looks go back as far as `at_s`."""
        return self.since_s is not None and self.since_s <= at_s + _ROUNDING

    def points(self, since_s: float, *, batch: bool) -> list[Point]:
        """Return rates of arrivals, oldest first, with `batch` or without.

        No two points count the same arrivals.
        """
        points: list[Point] = []
        for moment in reversed(self.since(since_s)):
            if not points or points[-1].at_s - moment.at_s >= RATE_S - _ROUNDING:
                rate = moment.arrivals_per_s + batch * moment.batch_per_s
                points.append(Point(moment.at_s, rate))
        return points[::-1]


def _at_s(moment: Moment) -> float:
    return moment.at_s
