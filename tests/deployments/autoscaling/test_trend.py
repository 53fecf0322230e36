"""Levels, jumps and rises of a rate of arrivals."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.autoscaling.observation import RATE_S
from deployments.autoscaling.trend import Point, Trend, trend


def points(*rates: float) -> list[Point]:
    return [Point(RATE_S * at, rate) for at, rate in enumerate(rates)]


def poisson(mean: float, draw: random.Random) -> float:
    return max(0.0, draw.gauss(mean * RATE_S, math.sqrt(mean * RATE_S))) / RATE_S


def test_nothing_is_known_of_no_points() -> None:
    assert trend([]) == Trend(0.0, 0.0)


def test_a_steady_rate_is_its_level() -> None:
    assert trend(points(*[40.0] * 12)) == Trend(40.0, 0.0)


def test_a_ramp_is_seen_at_its_end_and_with_its_slope() -> None:
    seen = trend(points(*(40 + 2 * at for at in range(12))))
    assert 58 < seen.level_per_s <= 62
    assert seen.rise_per_s2 == pytest.approx(0.2, rel=0.4)
    assert seen.rise_per_s2 <= 0.2  # only what is sure


def test_a_fall_is_none() -> None:
    assert trend(points(*(60 - 2 * at for at in range(12)))).rise_per_s2 == 0


@pytest.mark.parametrize("at", range(2, 10))
def test_a_jump_is_a_level_and_no_rise(at: int) -> None:
    seen = trend(points(*[20.0] * (12 - at), *[80.0] * at))
    assert seen.rise_per_s2 == 0
    assert seen.level_per_s > 70


def test_one_high_point_may_be_a_burst_that_is_over() -> None:
    assert trend(points(*[20.0] * 11, 200.0)).level_per_s == pytest.approx(35)  # the mean


@pytest.mark.parametrize("half", [1, 2, 3, 6])
def test_a_square_wave_does_not_rise(half: int) -> None:
    wave = [80.0 if at // half % 2 else 20.0 for at in range(40)]
    for end in range(12, 40):
        assert trend(points(*wave[end - 12 : end])).rise_per_s2 == 0, end


@pytest.mark.parametrize("mean", [1.0, 10.0, 100.0])
def test_noise_seldom_rises_and_hardly_lifts_the_level(mean: float) -> None:
    draw = random.Random(1)
    trends = [trend(points(*(poisson(mean, draw) for _ in range(12)))) for _ in range(1000)]
    error = math.sqrt(mean / (12 * RATE_S))  # of a mean of 12 points
    assert sum(seen.rise_per_s2 > 0 for seen in trends) < 40
    assert sum(seen.level_per_s > mean + 4 * error for seen in trends) < 40


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=20),
    st.floats(0.1, 10),
)
def test_levels_lie_within_what_was_seen(rates: list[float], times: float) -> None:
    seen = trend(points(*rates))
    assert seen.rise_per_s2 >= 0
    if seen.rise_per_s2 == 0:
        assert seen.level_per_s <= max(rates) + 1e-6
    assert seen.level_per_s >= sum(rates) / len(rates) - 1e-6
