import pytest

from deployments.chaos.figures import (
    gaps_of,
    goodput_per_s,
    longest_gap_s,
    quantile,
    tokens_per_s,
)
from deployments.chaos.outcome import Judged, Outcome
from tests.deployments.chaos.answers import sent
from tests.deployments.chaos.gathered import FAULT


def judged(*tokens_s: float, outcome: Outcome = Outcome.RIGHT) -> Judged:
    one = sent(tokens_s[0] - 1, tokens_s[-1])
    one.tokens_s = list(tokens_s)
    return Judged(one, outcome, None, 1)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.01, 1), (0.991, 100)]
)
def test_quantiles(share: float, expected: int) -> None:
    assert quantile(range(1, 101), share) == expected


def test_quantiles_of_little() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0], 0.99) == 3


def test_only_gaps_that_overlap_the_fault_count() -> None:
    times = [0, 50, 95, 101, 140, 151, 190, 300]
    assert longest_gap_s(times, began_s=100, over_s=150) == 39
    assert longest_gap_s(times, began_s=310, over_s=320) == 0


def test_streams_that_were_under_way_have_gaps() -> None:
    under_way, later, before = judged(90, 130), judged(101, 120), judged(10, 99)
    assert gaps_of(FAULT, [under_way, later, before], end_s=500) == [40]


def test_tokens_and_goodput() -> None:
    both = [judged(10.1, 10.9, 12.0), judged(11.5, 30.0, outcome=Outcome.WRONG)]
    assert tokens_per_s(both, 10, 3) == [2, 1, 1]
    assert goodput_per_s(both, 10, 14) == 0.25
    assert goodput_per_s(both, 20, 40) == 0
