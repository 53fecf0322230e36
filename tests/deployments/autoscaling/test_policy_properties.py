"""Properties of every decision."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.observation import (
    Capacity,
    ClassLoad,
    GangCount,
    Lengths,
    Observation,
    StepTime,
)
from deployments.autoscaling.policy import decide
from deployments.autoscaling.policy_state import PolicyState

amounts = st.floats(0, 1000, allow_nan=False)
loads = st.builds(
    ClassLoad,
    queued_requests=st.integers(0, 3000),
    queued_tokens=st.integers(0, 10**6),
    oldest_s=amounts,
    running=st.integers(0, 500),
    arrivals_per_s=amounts,
)
steps = st.builds(
    StepTime,
    base_s=st.floats(0, 0.1),
    sequence_s=st.floats(0, 0.001),
    prefill_token_s=st.floats(0, 0.001),
)
capacities = st.builds(
    Capacity,
    ranks=st.integers(1, 16),
    sequences=st.integers(1, 2048),
    kv_tokens=st.integers(1, 10**7),
    step=st.none() | steps,
    start_s=st.none() | st.floats(1, 1000),
)
sights = st.builds(
    Observation,
    now_s=st.just(0.0),
    gangs=st.builds(GangCount, st.integers(0, 8), st.integers(0, 3), st.integers(0, 3)),
    capacity=st.none() | capacities,
    classes=st.dictionaries(st.sampled_from(Tier), loads),
    lengths=st.builds(Lengths, amounts, amounts, amounts),
    kv_tokens=st.integers(0, 10**7),
    prefill_tokens=st.integers(0, 10**6),
    ttft_s=st.none() | amounts,
    tpot_s=st.none() | st.floats(0, 1),
)
bounds = st.tuples(st.integers(0, 4), st.integers(1, 12)).filter(lambda pair: pair[0] <= pair[1])
configs = bounds.map(lambda pair: Autoscaling(min_gangs=pair[0], max_gangs=pair[1]))


def after(seen: Observation, config: Autoscaling, seconds: float) -> int:
    """Return what is decided in the end, if nothing ever changes."""
    state, at_s, gangs = PolicyState(), 0.0, 0
    while at_s <= seconds:
        decision = decide(replace(seen, now_s=at_s), state, config)
        state, gangs = decision.state, decision.gangs
        at_s += config.interval_s
    return gangs


@given(st.lists(sights, min_size=1, max_size=6), configs, st.floats(0.1, 400))
def test_gangs_are_within_bounds_and_reasons_are_given(
    looks: list[Observation], config: Autoscaling, apart_s: float
) -> None:
    state = PolicyState()
    for number, seen in enumerate(looks):
        decision = decide(replace(seen, now_s=number * apart_s), state, config)
        state = decision.state
        assert config.min_gangs <= decision.gangs <= config.max_gangs
        assert decision.reason
        assert "\n" not in decision.reason


@given(sights, sights, configs, st.floats(0, 1.9))
def test_nothing_changes_between_looks_that_are_closer_than_the_interval(
    first: Observation, second: Observation, config: Autoscaling, apart_s: float
) -> None:
    state = decide(first, PolicyState(), config).state
    decision = decide(replace(second, now_s=apart_s), state, config)
    assert decision.state is state
    staying = second.gangs.staying
    assert decision.gangs == min(config.max_gangs, max(config.min_gangs, staying))


@given(sights, configs)
def test_one_who_knows_nothing_lets_no_gang_go(seen: Observation, config: Autoscaling) -> None:
    assert decide(seen, PolicyState(), config).gangs >= min(config.max_gangs, seen.gangs.staying)


@given(sights, configs)
def test_what_runs_fits_in_the_gangs_that_stay(seen: Observation, config: Autoscaling) -> None:
    seen = replace(seen, gangs=replace(seen.gangs, draining=0))
    gangs = after(seen, config, 320)
    counted = [load for tier, load in seen.classes.items() if tier is not Tier.BATCH]
    running = sum(load.running for load in counted)
    if seen.capacity is None or not seen.gangs.staying:
        return
    least = min(config.max_gangs, seen.gangs.staying, -(-running // seen.capacity.sequences))
    assert gangs >= least
    if all(load.running for load in seen.classes.values()) and len(counted) == len(seen.classes):
        held = -(-seen.kv_tokens // seen.capacity.kv_tokens)
        assert gangs >= min(config.max_gangs, seen.gangs.staying, held if counted else 0)


@given(sights, configs, st.floats(1, 10))
def test_more_arrivals_never_need_fewer_gangs(
    seen: Observation, config: Autoscaling, times: float
) -> None:
    more = {
        tier: replace(
            load,
            arrivals_per_s=times * load.arrivals_per_s,
            queued_requests=int(times * load.queued_requests),
        )
        for tier, load in seen.classes.items()
    }
    assert after(replace(seen, classes=more), config, 20) >= after(seen, config, 20)


@given(sights, configs)
def test_no_gang_goes_while_steps_were_never_timed(seen: Observation, config: Autoscaling) -> None:
    capacity = seen.capacity and replace(seen.capacity, step=None)
    busy = {**seen.classes, Tier.STANDARD: ClassLoad(running=1, arrivals_per_s=1)}
    seen = replace(seen, capacity=capacity, classes=busy)
    assert after(seen, config, 320) >= min(config.max_gangs, seen.gangs.staying)
