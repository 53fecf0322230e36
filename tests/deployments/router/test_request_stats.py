"""What a router reports of its requests."""

import pytest

from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad, Lengths
from deployments.router.request_stats import RequestStats
from deployments.router.routed_request import RoutedRequest
from tests.deployments.router.fake_shard import request


def routed(at_s: float, *, replica: str | None = None, prompt_tokens: int = 3) -> RoutedRequest:
    asked = request(prompt_tokens=prompt_tokens)
    return RoutedRequest(asked, arrived_s=at_s, replica=replica)


def answered(at_s: float, first_s: float, tokens: int) -> RoutedRequest:
    answer = routed(at_s, prompt_tokens=10)
    answer.ticket.cached_tokens = 4
    answer.tokens, answer.first_token_s = [7] * tokens, first_s
    return answer


def test_arrivals_of_late_are_a_rate() -> None:
    stats = RequestStats(0)
    for at_s in (1.0, 2.0, 11.0, 12.0, 13.0):
        stats.arrive(Tier.STANDARD, at_s)
    loads = stats.report("r", [], 14).classes
    assert loads[Tier.STANDARD].arrivals_per_s == pytest.approx(0.3)
    assert loads[Tier.BATCH] == ClassLoad()


def test_what_waits_is_told_from_what_runs() -> None:
    requeued = routed(1)
    requeued.waits_since_s = 8
    load = RequestStats(0).report("r", [routed(3), requeued, routed(2, replica="a")], 10)
    assert load.classes[Tier.STANDARD] == ClassLoad(
        queued_requests=2, queued_tokens=6, oldest_s=7, running=1
    )


def test_answers_tell_how_long_and_how_fast() -> None:
    stats = RequestStats(0)
    stats.finish(answered(at_s=1, first_s=2, tokens=11), 7)
    stats.finish(answered(at_s=2, first_s=6, tokens=1), 6.5)
    stats.finish(routed(1), 7)  # ended without a token
    report = stats.report("r", [], 8)
    assert (report.answered, report.lengths) == (2, Lengths(6, 10, 6))
    assert (report.ttft_s, report.tpot_s) == (4, 0.5)
    later = stats.report("r", [], 100)
    assert (later.answered, later.ttft_s, later.lengths) == (0, None, Lengths())
