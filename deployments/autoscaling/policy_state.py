"""What the policy remembers from one look to the next."""

from bisect import bisect_left
from dataclasses import dataclass

from deployments.autoscaling.observation import RATE_S
from deployments.autoscaling.trend import Point

_ROUNDING = 1e-6  # seconds: clocks are sums


@dataclass(frozen=True, slots=True)
class Moment:
    """One look, and what it recommends."""

    at_s: float
    arrivals_per_s: float  # without batch
    batch_per_s: float
    open: int  # requests that count, waiting or running
    missed: bool  # a target
    needed: int = 0  # gangs, so that targets are kept
    enough: int = 0  # gangs, so that none will be needed again at once


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Carried from one decision to the next; a new one knows nothing, and lets no gang go."""

    since_s: float | None = None
    moments: tuple[Moment, ...] = ()
    worked_at_s: float = 0.0
    up: int = 0
    up_since_s: float = 0.0
    correction: float = 1.0  # how many times more gangs are needed than the model says

    def since(self, at_s: float) -> tuple[Moment, ...]:
        return self.moments[bisect_left(self.moments, at_s - _ROUNDING, key=_at_s) :]

    def reaches(self, at_s: float) -> bool:
        """Whether it goes back as far as that."""
        return self.since_s is not None and self.since_s <= at_s + _ROUNDING

    def points(self, since_s: float, *, batch: bool) -> list[Point]:
        """Of arrivals, each from the time between it and the one before, oldest first."""
        found: list[Point] = []
        for one in reversed(self.since(since_s)):
            if not found or found[-1].at_s - one.at_s >= RATE_S - _ROUNDING:
                found.append(Point(one.at_s, one.arrivals_per_s + batch * one.batch_per_s))
        return found[::-1]


def _at_s(one: Moment) -> float:
    return one.at_s
