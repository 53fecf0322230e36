"""The figures and the picture of a simulation."""

from pathlib import Path

import pytest

from deployments.autoscaling.quantile import quantile
from deployments.simulation.plot import plot
from deployments.simulation.simulation import fixed
from deployments.simulation.summary import summary
from tests.deployments.simulation.scenarios import burst, level, scenario


def test_figures_are_those_of_the_requests() -> None:
    outcome = fixed(scenario(burst(500, duration_s=1), level(1, 50)), 1)
    figures = summary(outcome)
    assert figures.requests == figures.answered == len(outcome.requests)
    in_time = sum(
        request.ttft_s is not None and request.ttft_s <= 1 for request in outcome.requests
    )
    assert 0 < figures.good == in_time < figures.requests
    assert figures.goodput_per_s == figures.good / 50
    assert figures.ttft_s.p50 < figures.ttft_s.p99  # type: ignore[operator]
    assert (figures.gangs_least, figures.gangs_mean, figures.gangs_most) == (1, 1, 1)
    assert (figures.added, figures.let_go) == (0, 0)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.9, None), ([3.0], 0.5, 3), ([4.0, 1, 3, 2], 0.5, 2), ([1.0] * 9 + [5], 0.9, 1)],
)
def test_a_quantile_is_the_smallest_that_enough_values_do_not_exceed(
    values: list[float], share: float, expected: float | None
) -> None:
    assert quantile(values, share) == expected


def test_a_picture_is_written(tmp_path: Path) -> None:
    plot(fixed(scenario(level(20, 20)), 2), tmp_path / "plot.png", "title")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
