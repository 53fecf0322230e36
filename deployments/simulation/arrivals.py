"""Makes the requests of a scenario's traffic; the same seed gives the same requests."""

import math
import random
from collections.abc import Iterator

from configs.traffic import Burst, Diurnal, LogNormal, Ramp, Shape, Square, Traffic
from deployments.simulation.request import Request

_PART = 0.1  # of a request: evenly spaced requests are counted by it


def arrivals(traffic: Traffic) -> list[Request]:
    """Return the traffic's requests in order of arrival, and numbered in that order."""
    draw = random.Random(traffic.seed)  # noqa: S311
    if traffic.recorded:
        made = [
            (request.at_s, request.tier, request.prompt_tokens, request.answer_tokens)
            for request in traffic.recorded
        ]
    else:
        tiers = list(traffic.classes)
        shares = list(traffic.classes.values())
        made = [
            (
                at_s,
                draw.choices(tiers, shares)[0],
                _length(traffic.prompt_tokens, draw),
                _length(traffic.answer_tokens, draw),
            )
            for shape in traffic.shapes
            for at_s in _times(shape, traffic.spacing == "poisson", draw)
        ]
    made.sort(key=lambda fields: fields[0])
    most = max((answer for *_, answer in made), default=1)
    return [Request(number, *fields, most_tokens=most) for number, fields in enumerate(made)]


def rate_per_s(shape: Shape, since_s: float) -> float:
    """Return the rate of requests, `since_s` after the shape's begin."""
    match shape:
        case Ramp():
            part = since_s / shape.duration_s
            return shape.from_per_s + part * (shape.to_per_s - shape.from_per_s)
        case Square():
            late = since_s % shape.period_s >= shape.period_s / 2
            return shape.high_per_s if late else shape.low_per_s
        case Diurnal():
            part = (1 - math.cos(2 * math.pi * since_s / shape.period_s)) / 2
            return shape.low_per_s + part * (shape.high_per_s - shape.low_per_s)
        case Burst():
            return shape.requests / shape.duration_s


def _times(shape: Shape, poisson: bool, draw: random.Random) -> Iterator[float]:
    """Yield the times of a shape's requests; those of a burst are even in any case.

    Poisson times are drawn by thinning (Lewis and Shedler, 1979).
    """
    if isinstance(shape, Burst):
        for number in range(shape.requests):
            yield shape.at_s + number * shape.duration_s / shape.requests
        return
    highest, since_s, due = max(_rates(shape)), 0.0, 0.0
    while highest:
        since_s += draw.expovariate(highest) if poisson else _PART / highest
        if since_s >= shape.duration_s:
            return
        share = rate_per_s(shape, since_s) / highest
        due += draw.random() < share if poisson else _PART * share
        if due >= 1:
            due -= 1
            yield shape.at_s + since_s


def _rates(shape: Ramp | Square | Diurnal) -> tuple[float, float]:
    if isinstance(shape, Ramp):
        return shape.from_per_s, shape.to_per_s
    return shape.low_per_s, shape.high_per_s


def _length(lengths: LogNormal, draw: random.Random) -> int:
    drawn = draw.lognormvariate(math.log(lengths.median), lengths.sigma)
    return max(1, min(lengths.most, round(drawn)))
