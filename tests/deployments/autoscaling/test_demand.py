"""Gangs that a rate of arrivals needs, compared with the steps that follow from the rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.demand import Counted, Need, need, occupied
from deployments.autoscaling.observation import (
    Capacity,
    ClassLoad,
    GangCount,
    Lengths,
    Observation,
    StepTime,
)

CONFIG = Autoscaling(tpot_s=0.05, start_s=100)
STEP = StepTime(base_s=0.01, sequence_s=0.0002, prefill_token_s=0.00004)
LENGTHS = Lengths(prefill_tokens=500, prompt_tokens=800, answer_tokens=100)
GANG = Capacity(ranks=4, sequences=256, kv_tokens=400_000, step=STEP)


def seen(
    capacity: Capacity | None = GANG,
    lengths: Lengths = LENGTHS,
    up: int = 1,
    prefill_tokens: int = 0,
    kv_tokens: int = 0,
    **classes: ClassLoad,
) -> Observation:
    return Observation(
        now_s=0,
        gangs=GangCount(up=up),
        capacity=capacity,
        classes={Tier[name.upper()]: load for name, load in classes.items()},
        lengths=lengths,
        prefill_tokens=prefill_tokens,
        kv_tokens=kv_tokens,
    )


def needed(per_s: float, sight: Observation, config: Autoscaling = CONFIG) -> Need:
    gangs = need(per_s, sight, Counted.of(sight, config), config)
    assert gangs is not None
    return gangs


def step_s(per_s: float, gangs: float, step: StepTime = STEP) -> float:
    """Return how long a step lasts in a steady state, by iterating until steps stay the same."""
    lasts_s = step.base_s
    for _ in range(10_000):
        each = per_s / gangs / GANG.ranks * lasts_s  # requests that come in a step to a rank
        lasts_s = (
            step.base_s
            + step.sequence_s * each * LENGTHS.answer_tokens
            + step.prefill_token_s * each * LENGTHS.prefill_tokens
        )
    return lasts_s


@pytest.mark.parametrize("per_s", [1.0, 40.0, 300.0])
def test_needed_gangs_just_keep_the_tpot(per_s: float) -> None:
    assert step_s(per_s, needed(per_s, seen()).tpot) == pytest.approx(CONFIG.tpot_s)


@pytest.mark.parametrize("per_s", [1.0, 40.0, 300.0])
def test_needed_gangs_just_have_the_sequences(per_s: float) -> None:
    gangs = needed(per_s, seen()).sequences
    running = per_s * LENGTHS.answer_tokens * step_s(per_s, gangs)
    assert running == pytest.approx(gangs * GANG.sequences)


def test_needed_gangs_just_hold_what_sequences_have_in_the_cache() -> None:
    load = ClassLoad(running=10)
    gangs = needed(40.0, seen(standard=load, kv_tokens=50_000)).kv_cache
    running = 40.0 * LENGTHS.answer_tokens * step_s(40.0, gangs)
    assert running * 5000 == pytest.approx(gangs * GANG.kv_tokens)


@given(st.floats(0.01, 1000), st.floats(1, 100))
def test_needs_are_linear_in_arrivals(per_s: float, times: float) -> None:
    once, more = needed(per_s, seen()), needed(times * per_s, seen())
    assert more.gangs == pytest.approx(times * once.gangs)


def test_an_idle_rank_that_misses_the_target_asks_for_no_gangs() -> None:
    slow = Autoscaling(tpot_s=0.0105)  # 0.95 of it are a step with nothing in it
    gangs = needed(40.0, seen(), slow)
    assert gangs.tpot == gangs.work


@pytest.mark.parametrize(
    "unknown",
    [
        seen(capacity=None),
        seen(capacity=Capacity(sequences=256, kv_tokens=400_000)),
        seen(lengths=Lengths()),
    ],
    ids=["gang", "step", "lengths"],
)
def test_nothing_is_said_of_what_was_never_measured(unknown: Observation) -> None:
    assert need(1.0, unknown, Counted.of(unknown, CONFIG), CONFIG) is None


def test_no_arrivals_need_nothing() -> None:
    assert needed(0.0, seen(lengths=Lengths())).gangs == 0


def test_a_queue_that_is_gone_before_a_gang_could_come_needs_none() -> None:
    # A gang serves 133 requests/s with sequences to the full; 33 of them come.
    each_s = needed(1.0, seen()).served
    per_s = 0.25 / each_s
    spare = int(CONFIG.start_s * 0.75 / each_s)
    assert needed(per_s, seen(standard=ClassLoad(queued_requests=spare))).queue == 0
    late = needed(per_s, seen(standard=ClassLoad(queued_requests=2 * spare))).queue
    assert late == pytest.approx(0.75, rel=0.01)  # serves the rest within start_s
    two = needed(per_s, seen(standard=ClassLoad(queued_requests=2 * spare), up=2))
    assert two.queue == 0


def test_prompts_that_ranks_have_yet_to_compute_are_a_queue_too() -> None:
    tokens = int(2 * CONFIG.start_s * GANG.ranks / STEP.prefill_token_s)
    assert needed(0.0, seen(prefill_tokens=tokens)).queue == pytest.approx(1, rel=0.01)


def test_batch_counts_once_it_has_waited_too_long() -> None:
    batch = ClassLoad(queued_requests=5, queued_tokens=50, oldest_s=10, running=3)
    other = ClassLoad(queued_requests=1, queued_tokens=10, running=1)
    counted = Counted.of(seen(batch=batch, standard=other, kv_tokens=400), CONFIG)
    assert (counted.queued_requests, counted.running, counted.kv_tokens) == (1, 1, 100)
    late = ClassLoad(queued_requests=5, queued_tokens=50, oldest_s=1000, running=3)
    counted = Counted.of(seen(batch=late, standard=other, kv_tokens=400), CONFIG)
    assert (counted.queued_requests, counted.running, counted.kv_tokens) == (6, 4, 400)


def test_gangs_are_occupied_by_whatever_is_scarcer() -> None:
    load = ClassLoad(running=128)
    few, much = seen(standard=load, kv_tokens=100), seen(standard=load, kv_tokens=600_000)
    assert occupied(few, Counted.of(few, CONFIG)) == 0.5
    assert occupied(much, Counted.of(much, CONFIG)) == 1.5
