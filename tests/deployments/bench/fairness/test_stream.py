import pytest

from deployments.bench.fairness.__main__ import Found, met_step_s
from deployments.bench.stream import Stream


def test_a_stream_waits_for_its_first_token_and_then_steps() -> None:
    stream = Stream(sent_s=10.0, tokens_s=[10.5, 10.75, 11.75])
    assert stream.ttft_s == 0.5
    assert stream.gaps_s() == [0.25, 1.0]


def test_a_request_meets_a_long_step_more_likely_than_a_short_one() -> None:
    assert met_step_s([1.0] * 9) == 1.0
    assert met_step_s([1.0] * 9 + [9.0]) == pytest.approx((9 * 1 + 81) / 18)


def test_the_ratio_is_one_where_a_crowd_costs_half_an_idle_ttft_and_a_step() -> None:
    assert Found(idle_ttft=40, busy_ttft=60 + 30, step=30).ratio == 1.0
