"""What a router tells of its requests."""

import pytest

from deployments.autoscaling.observation import ClassLoad, Lengths
from deployments.router.request_stats import Recent
from deployments.router.routed_request import Flight
from deployments.scheduling.waiting_line import Tier
from tests.deployments.router.fake_shard import request


def flight(at_s: float, *, replica: str | None = None, prompt_tokens: int = 3) -> Flight:
    made = Flight(request(prompt_tokens=prompt_tokens), replica=replica)
    made.arrived_s = at_s
    return made


def answered(at_s: float, first_s: float, tokens: int) -> Flight:
    made = flight(at_s, prompt_tokens=10)
    made.ticket.cached_tokens = 4
    made.tokens, made.first_token_s = [7] * tokens, first_s
    return made


def test_arrivals_of_late_are_a_rate() -> None:
    recent = Recent(0)
    for at_s in (1.0, 2.0, 11.0, 12.0, 13.0):
        recent.arrive(Tier.STANDARD, at_s)
    loads = recent.report("r", [], 14).classes
    assert loads[Tier.STANDARD].arrivals_per_s == pytest.approx(0.3)
    assert loads[Tier.BATCH] == ClassLoad()


def test_what_waits_is_told_from_what_runs() -> None:
    back = flight(1)
    back.waits_since_s = 8
    load = Recent(0).report("r", [flight(3), back, flight(2, replica="a")], 10)
    assert load.classes[Tier.STANDARD] == ClassLoad(
        queued_requests=2, queued_tokens=6, oldest_s=7, running=1
    )


def test_answers_tell_how_long_and_how_fast() -> None:
    recent = Recent(0)
    recent.finish(answered(at_s=1, first_s=2, tokens=11), 7)
    recent.finish(answered(at_s=2, first_s=6, tokens=1), 6.5)
    recent.finish(flight(1), 7)  # ended without a token
    report = recent.report("r", [], 8)
    assert (report.answered, report.lengths) == (2, Lengths(6, 10, 6))
    assert (report.ttft_s, report.tpot_s) == (4, 0.5)
    later = recent.report("r", [], 100)
    assert (later.answered, later.ttft_s, later.lengths) == (0, None, Lengths())
