"""Steps of one gang: how long they last, how many are alike, and what requests get from them."""

import pytest

from configs.tier import Tier
from deployments.autoscaling.step_fit import StepFit
from deployments.simulation.fleet import SimulatedFleet
from deployments.simulation.gang import SimulatedGang, new_gang
from deployments.simulation.request import Request
from tests.deployments.simulation.scenarios import level, scenario

BASE_S, SEQUENCE_S, PREFILL_TOKEN_S = 0.005, 0.0003, 0.00005  # of the scenarios


def gang(ranks: int = 1) -> SimulatedGang:
    return new_gang(scenario(level(1, 10), gang={"ranks": ranks}), 1, 0.0, answer_tokens=32)


def give(
    gang: SimulatedGang, rank: int, now_s: float, prompt_tokens: int = 40, answer_tokens: int = 100
) -> Request:
    request = Request(rank, now_s, Tier.STANDARD, prompt_tokens, answer_tokens, answer_tokens)
    gang.ranks[rank].load.take(request.ticket)
    gang.add(gang.ranks[rank], request, now_s)
    return request


def step(gang: SimulatedGang) -> float:
    """End the steps that have begun, begin the next, and return the time."""
    now_s = gang.ends_s
    gang.end(StepFit())
    gang.begin(now_s)
    return now_s


def test_ranks_wait_for_the_busiest_and_step_as_often_as_each_other() -> None:
    both = gang(ranks=2)
    give(both, 0, 0.0, prompt_tokens=100)
    give(both, 1, 0.0, prompt_tokens=1000)
    both.begin(0.0)
    assert both.step_s == pytest.approx(BASE_S + 1000 * PREFILL_TOKEN_S)
    assert both.steps == 1


def test_steps_are_alike_until_the_first_answer_ends() -> None:
    both = gang(ranks=2)
    give(both, 0, 0.0, answer_tokens=10)
    give(both, 1, 0.0, answer_tokens=30)
    both.begin(0.0)
    step(both)
    assert both.step_s == pytest.approx(BASE_S + SEQUENCE_S)
    assert both.steps == 9


def test_a_request_that_comes_in_between_waits_for_the_step_that_has_begun_only() -> None:
    alone = gang()
    give(alone, 0, 0.0)
    begun_s = step(alone)
    assert alone.steps == 99
    give(alone, 0, begun_s + 2.5 * alone.step_s)
    assert alone.ends_s == pytest.approx(begun_s + 3 * alone.step_s)


def test_what_is_called_back_goes_on_after_the_tokens_it_has() -> None:
    alone = gang()
    running = give(alone, 0, 0.0)
    begun_s = step(alone)
    waiting = give(alone, 0, begun_s + 2.5 * alone.step_s)
    step(alone)
    assert alone.ranks[0].unfinished() == [waiting, running]
    assert (waiting.produced, running.produced) == (0, 1 + 3)
    running.requeue()
    assert (running.ticket.prompt_tokens, running.ticket.max_tokens) == (40 + 4, 100 - 4)


def test_a_gang_costs_while_it_starts_and_while_it_drains() -> None:
    fleet = SimulatedFleet(scenario(level(1, 10), survival={"drain_s": 8}), answer_tokens=32)
    fleet.scale(2, 10.0)
    assert fleet.gang_s(20.0) == 20 + 10
    fleet.come_up(40.0)
    for running in fleet.gangs:
        give(running, 0, 40.0)
    fleet.scale(1, 41.0)
    assert fleet.gang_s(45.0) == 45 + 35
    (drained,) = fleet.drained(49.0)
    fleet.remove(drained, 49.0)
    assert fleet.gang_s(60.0) == 60 + 39
