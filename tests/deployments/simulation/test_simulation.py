"""No request is lost, a seed decides the outcome, and steps last as the formula says."""

import pytest

from configs.tier import Tier
from deployments.autoscaling.observation import Observation
from deployments.autoscaling.policy import Decision, decide
from deployments.autoscaling.policy_state import PolicyState
from deployments.simulation.outcome import Outcome
from deployments.simulation.simulation import fixed, simulate
from tests.deployments.simulation.scenarios import burst, level, scenario

MIXED = {
    "seed": 4,
    "prompt_tokens": {"median": 64, "sigma": 1},
    "answer_tokens": {"median": 32, "sigma": 1},
    "classes": {"interactive": 1, "standard": 1, "batch": 1},
}


def each_ends_once(outcome: Outcome) -> bool:
    return all(
        (request.done_at_s is None) != (request.refused_at_s is None)
        and (request.done_at_s is None or request.produced == request.answer_tokens)
        for request in outcome.requests
    )


def test_each_request_is_answered_or_refused_once() -> None:
    waits = {"interactive_s": 2, "standard_s": 4, "batch_s": 8}
    crowded = scenario(
        level(60, 60),
        burst(900, at_s=20),
        traffic=MIXED,
        admission={"max_waiting": 300, "waits": waits},
        autoscaling={"max_gangs": 2},
    )
    outcome = simulate(crowded)
    assert each_ends_once(outcome)
    assert 0 < outcome.answered < len(outcome.requests)
    refused = dict.fromkeys(Tier, 0)
    for request in outcome.requests:
        refused[request.tier] += request.refused_at_s is not None
    assert refused[Tier.BATCH] > refused[Tier.STANDARD] >= refused[Tier.INTERACTIVE]


def test_the_same_seed_gives_the_same_outcome() -> None:
    played = scenario(level(30, 60), burst(200, at_s=30), traffic=MIXED)
    first, second = simulate(played), simulate(played)
    assert first.looks == second.looks
    assert [r.done_at_s for r in first.requests] == [r.done_at_s for r in second.requests]
    assert first.gang_s == second.gang_s


@pytest.mark.parametrize(("ranks", "slower"), [(1, 1.0), (4, 1.2)])
@pytest.mark.parametrize("work", [0.2, 0.5, 0.8])
def test_steps_take_what_the_formula_says(work: float, ranks: int, slower: float) -> None:
    """Answers are long and arrivals even: TPOT = base / (1 − W/k) in the mean.

    The ranks of a gang wait for the busiest, which the formula leaves out.
    """
    each_s = 400 * 0.0003 + 40 * 0.00005
    played = scenario(
        level(ranks * work / each_s, 120),
        traffic={
            "spacing": "even",
            "prompt_tokens": {"median": 40},
            "answer_tokens": {"median": 400},
        },
        gang={"max_num_seqs": 1000, "kv_tokens": 10**7, "ranks": ranks},
    )
    settled = [request for request in fixed(played, 1).requests if 40 < request.at_s < 100]
    tpot_s = sum(request.tpot_s or 0.0 for request in settled) / len(settled)
    formula_s = 0.005 / (1 - work)
    assert 0.97 * formula_s <= tpot_s <= 1.03 * slower * formula_s


def test_ranks_are_fitted_to_what_they_are_made_of() -> None:
    looks: list[Observation] = []

    def watch(seen: Observation, state: PolicyState, config: object) -> Decision:
        looks.append(seen)
        return Decision(1, state)

    simulate(scenario(level(20, 30), burst(100, at_s=10), traffic=MIXED), watch)
    assert looks[0].capacity is not None
    assert looks[0].capacity.step is None
    assert looks[-1].capacity is not None
    assert looks[-1].capacity.step is not None
    step = looks[-1].capacity.step
    fitted = (step.base_s, step.sequence_s, step.prefill_token_s)
    assert fitted == pytest.approx((0.005, 0.0003, 0.00005), rel=0.1)


def test_gangs_that_drain_lose_nothing() -> None:
    def fewer(seen: Observation, state: PolicyState, config: object) -> Decision:
        return Decision(1 if seen.now_s > 10 else 3, state)

    played = scenario(
        level(10, 30),
        traffic={"answer_tokens": {"median": 1500}, "seed": 2},
        gang={"kv_tokens": 10**6},
        survival={"drain_s": 4},
        initial_gangs=3,
    )
    outcome = simulate(played, fewer)
    assert outcome.answered == len(outcome.requests)
    assert each_ends_once(outcome)
    assert max(look.gangs.draining for look in outcome.looks) == 2
    moved = [
        request
        for request in outcome.requests
        if request.ticket.prompt_tokens > request.prompt_tokens
    ]
    assert moved  # their streams were longer than the time to drain
    assert outcome.looks[-1].gangs.up == 1


def test_gangs_cost_from_when_they_are_asked_for_until_they_are_gone() -> None:
    outcome = fixed(scenario(level(5, 60), gang={"ranks": 2, "gpus_per_rank": 4}), 3)
    assert outcome.gang_s == pytest.approx(3 * 60, rel=0.05)
    assert outcome.gpu_h == pytest.approx(outcome.gang_s * 8 / 3600)


def test_the_first_request_wakes_a_gang_and_waits_for_it() -> None:
    sleeping = scenario(
        burst(1, at_s=20), level(0, 200), autoscaling={"min_gangs": 0, "idle_s": 60}
    )
    outcome = simulate(sleeping)
    (request,) = outcome.requests
    assert request.ttft_s == pytest.approx(30, abs=3)
    least, mean, most = outcome.gangs
    assert (least, most) == (0, 1)
    assert mean == pytest.approx(0.3, abs=0.1)
    assert [gangs for _, gangs in outcome.changes] == [1, -1]


def test_without_a_gang_nobody_waits_longer_than_the_deadline() -> None:
    asleep = scenario(
        burst(1, at_s=20), level(0, 90), autoscaling={"min_gangs": 0}, survival={"deadline_s": 20}
    )
    outcome = simulate(asleep)
    assert outcome.answered == 0
    assert outcome.requests[0].refused_at_s == pytest.approx(40, abs=3)


def test_gangs_are_there_before_they_are_missed() -> None:
    """The policy is compared with one that adds a gang once a target is missed."""
    rising = scenario(
        {"shape": "ramp", "duration_s": 300, "from_per_s": 10, "to_per_s": 120},
        level(120, 60, at_s=300),
        traffic=MIXED | {"classes": {"standard": 1}},
    )

    def reactive(seen: Observation, state: PolicyState, config: object) -> Decision:
        targets = rising.autoscaling
        missed = (seen.ttft_s or 0) > targets.ttft_s or (seen.tpot_s or 0) > targets.tpot_s
        more = missed and not seen.gangs.starting
        return Decision(min(targets.max_gangs, seen.gangs.staying + more), state)

    foreseen, late = simulate(rising, decide), simulate(rising, reactive)
    count = len(foreseen.requests)
    assert count - foreseen.good < 0.02 * count
    assert count - late.good > 0.1 * count
