"""The trend of a rate of arrivals: its level, and how fast the level rises."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from deployments.autoscaling.observation import RATE_S

# Standard deviations by which a change must exceed chance, and by which it counts for less;
# arrivals that don't know of each other have a variance as large as their number (Poisson).
_SURE = 2.5
_FEWEST = 4  # points of a line
_LATEST = 2  # points that must agree on a jump: a single one may be a burst that is over


class Point(NamedTuple):
    """A rate of arrivals, over the `RATE_S` that end at `at_s`."""

    at_s: float
    per_s: float


class Trend(NamedTuple):
    level_per_s: float = 0.0  # requests/s now
    rise_per_s2: float = 0.0  # how fast that grows; 0 unless it does so steadily


class _Line(NamedTuple):
    slope: float
    error: float  # standard, of the slope
    squares: float  # sum of squared errors


def trend(points: Sequence[Point]) -> Trend:
    """Return the trend of `points`, which come oldest first and at least `RATE_S` apart.

    The level is the mean of all points, or a higher level that the latest points all exceed beyond
    chance, so that a jump shows at once. The level rises if a line fits the points better than any
    jump does, and the line's slope is sure.
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
    """Fit a line by least squares.

    The error of the slope is what the points show, or what chance alone gives, if that is more.
    """
    count = len(points)
    mean_s = sum(at_s for at_s, _ in points) / count
    spread = sum((at_s - mean_s) ** 2 for at_s, _ in points)
    slope = sum((at_s - mean_s) * per_s for at_s, per_s in points) / spread
    squares = sum((per_s - mean - slope * (at_s - mean_s)) ** 2 for at_s, per_s in points)
    variance = max(squares / (count - 2), mean / RATE_S)
    return _Line(slope, math.sqrt(variance / spread), squares)


def _squares_of_jump(rates: Sequence[float]) -> float:
    """Return the least sum of squared errors that two levels, one after the other, leave over."""
    count, total = len(rates), sum(rates)
    squares = sum(rate**2 for rate in rates)
    least, before = math.inf, 0.0
    for length, rate in enumerate(rates[:-1], start=1):
        before += rate
        after = total - before
        least = min(least, squares - before**2 / length - after**2 / (count - length))
    return least
