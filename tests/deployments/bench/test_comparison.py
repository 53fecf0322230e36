import pytest

from deployments.bench.comparison import Cell, Comparison, Spread
from deployments.bench.contender import Contender
from tests.deployments.bench.results import comparison, measurement


@pytest.mark.parametrize(
    ("values", "spread"),
    [([3, 1, 2], (2, 1, 3)), ([4, 2], (3, 2, 4)), ([5], (5, 5, 5))],
)
def test_a_spread_is_median_lowest_and_highest(
    values: list[float], spread: tuple[float, float, float]
) -> None:
    assert Spread.of(values) == spread


def test_figures_are_medians_over_rounds() -> None:
    results = comparison(small4=[60, 30, 50])
    assert results.figure(Contender.SMALL4, 16, "requests_per_s") == (50, 30, 60)


def test_ratios_are_taken_within_a_round() -> None:
    # The second round was slow for both, and tells as much as the others.
    results = comparison(small4=[60, 30, 50], plain=[60, 20, 100])
    assert results.ratio(Contender.PLAIN, 16, "requests_per_s") == (1.0, 0.5, 1.5)


def test_loads_are_kept_apart() -> None:
    results = Comparison(
        [
            Cell(1, 16, Contender.SMALL4, measurement(50, ttft_p50_ms=30)),
            Cell(1, 1, Contender.SMALL4, measurement(5, ttft_p50_ms=10)),
        ]
    )
    assert results.streams == [1, 16]
    assert results.figure(Contender.SMALL4, 1, "ttft_p50_ms").median == 10
    assert results.figure(Contender.SMALL4, 16, "ttft_p50_ms").median == 30
