"""Where a rate of arrivals is heading: its level, and how fast that rises."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from deployments.autoscaling.observation import RATE_S

# Standard deviations by which a change must exceed chance, and by which it counts for less;
# arrivals that don't know of each other have a variance as large as their number (Poisson).
_SURE = 2.5
_FEWEST = 4  # points of a line
_LATEST = 2  # points that must agree on a jump: one may be a burst that is over


class Point(NamedTuple):
    """A rate of arrivals in the `RATE_S` until then."""

    at_s: float
    per_s: float


class Trend(NamedTuple):
    level_per_s: float = 0.0  # requests/s now
    rise_per_s2: float = 0.0  # how fast that grows; 0 unless it does so steadily


class _Line(NamedTuple):
    slope: float
    error: float  # standard, of the slope
    squares: float  # left over


def trend(points: Sequence[Point]) -> Trend:
    """`points`, oldest first, are at least `RATE_S` apart.

    The level is the mean of all; or what the latest ones all exceed beyond chance, so that a jump
    shows at once. It rises if a line fits them better than any jump does, and its slope is sure.
    """
    if not points:
        return Trend()
    rates = [point.per_s for point in points]
    mean = sum(rates) / len(rates)
    latest = min(rates[-_LATEST:])
    level = max(mean, latest - _SURE * math.sqrt(latest / (_LATEST * RATE_S)))
    if len(points) < _FEWEST:
        return Trend(level)
    line = _line(points, mean)
    slope = line.slope - _SURE * line.error
    if slope <= 0 or line.squares > _squares_of_jump(rates):
        return Trend(level)
    return Trend(max(level, mean + slope * (points[-1].at_s - points[0].at_s) / 2), slope)


def _line(points: Sequence[Point], mean: float) -> _Line:
    """Least squares. Its error is what the points show, or by chance alone if that is more."""
    count = len(points)
    mean_s = sum(at_s for at_s, _ in points) / count
    spread = sum((at_s - mean_s) ** 2 for at_s, _ in points)
    slope = sum((at_s - mean_s) * per_s for at_s, per_s in points) / spread
    squares = sum((per_s - mean - slope * (at_s - mean_s)) ** 2 for at_s, per_s in points)
    variance = max(squares / (count - 2), mean / RATE_S)
    return _Line(slope, math.sqrt(variance / spread), squares)


def _squares_of_jump(rates: Sequence[float]) -> float:
    """What two levels, one after the other, leave over at best."""
    count, total = len(rates), sum(rates)
    squares = sum(rate**2 for rate in rates)
    least, before = math.inf, 0.0
    for at, rate in enumerate(rates[:-1], start=1):
        before += rate
        least = min(least, squares - before**2 / at - (total - before) ** 2 / (count - at))
    return least
