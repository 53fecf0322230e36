"""Figures, and the picture, of a simulation."""

from pathlib import Path

import pytest

from deployments.autoscaling.quantile import quantile
from deployments.simulation.plot import plot
from deployments.simulation.simulation import fixed
from deployments.simulation.summary import summary
from tests.deployments.simulation.scenarios import burst, level, scenario


def test_figures_are_those_of_the_requests() -> None:
    outcome = fixed(scenario(burst(500, duration_s=1), level(1, 50)), 1)
    found = summary(outcome)
    assert found.requests == found.answered == len(outcome.requests)
    in_time = sum(one.ttft_s is not None and one.ttft_s <= 1 for one in outcome.requests)
    assert 0 < found.good == in_time < found.requests
    assert found.goodput_per_s == found.good / 50
    assert found.ttft_s.p50 < found.ttft_s.p99  # type: ignore[operator]
    assert (found.gangs_least, found.gangs_mean, found.gangs_most) == (1, 1, 1)
    assert (found.added, found.let_go) == (0, 0)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.9, None), ([3.0], 0.5, 3), ([4.0, 1, 3, 2], 0.5, 2), ([1.0] * 9 + [5], 0.9, 1)],
)
def test_a_quantile_is_the_smallest_that_enough_values_do_not_exceed(
    values: list[float], share: float, expected: float | None
) -> None:
    assert quantile(values, share) == expected


def test_a_picture_is_written(tmp_path: Path) -> None:
    plot(fixed(scenario(level(20, 20)), 2), tmp_path / "it.png", "it")
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
