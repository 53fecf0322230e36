from deployments.bench.contender import Contender
from deployments.bench.target import TARGETS, Target, missed
from tests.deployments.bench.results import comparison


def test_the_targets_are_those_of_the_issue() -> None:
    assert set(TARGETS) == {
        Target(Contender.FLAGGED, 16, 13.0),
        Target(Contender.PLAIN, 16, 0.80),
    }


def test_nothing_is_missed_when_both_are_reached() -> None:
    assert missed(comparison(small4=[52], flagged=[4], plain=[65])) == []


def test_a_missed_target_is_named_with_what_was_reached() -> None:
    assert missed(comparison(small4=[50, 51], flagged=[4, 4], plain=[60, 60])) == [
        "small4 must reach 13.00 times vllm serve with flags at 16 streams: it reached 12.62."
    ]


def test_targets_at_a_load_that_was_left_out_are_missed() -> None:
    target = Target(Contender.PLAIN, 64, 0.8)
    assert missed(comparison(small4=[1], plain=[1]), [target]) == [
        "small4 must reach 0.80 times vllm serve without at 64 streams: that wasn't measured."
    ]
