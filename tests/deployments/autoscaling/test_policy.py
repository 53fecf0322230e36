"""Decisions of the policy under loads of every form, on a simulated clock."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.correction import corrected
from deployments.autoscaling.observation import ClassLoad, GangCount, Observation
from deployments.autoscaling.policy import Decision, decide
from deployments.autoscaling.policy_state import PolicyState
from tests.deployments.autoscaling.fluid import GANG, LENGTHS, ONE_GANG_PER_S, Fluid

CONFIG = Autoscaling(max_gangs=6, ttft_s=1, tpot_s=0.05, start_s=50)
# What one gang is meant to serve.
FULL_PER_S = CONFIG.fill * ONE_GANG_PER_S


def level(gangs: float) -> Callable[[float], float]:
    """Return arrivals that are meant for so many gangs."""
    return lambda now_s: gangs * FULL_PER_S


def square(low: float, high: float, period_s: float) -> Callable[[float], float]:
    return lambda now_s: FULL_PER_S * (low if now_s % period_s < period_s / 2 else high)


def reactive(seen: Observation, state: PolicyState, config: Autoscaling) -> Decision:
    """Add a gang when a target is missed, without a model."""
    missed = (seen.ttft_s or 0) > config.ttft_s or (seen.tpot_s or 0) > config.tpot_s
    more = missed and not seen.gangs.starting
    return Decision(min(config.max_gangs, seen.gangs.staying + more), state)


def ramp(now_s: float) -> float:
    """Return arrivals that grow from half a gang to four in ten minutes."""
    return FULL_PER_S * (0.5 + 3.5 * min(1.0, now_s / 600))


@pytest.mark.parametrize("poisson", [False, True])
def test_on_a_ramp_gangs_come_before_a_target_is_missed(poisson: bool) -> None:
    foreseen = Fluid(CONFIG, poisson=poisson).play(ramp, 900)
    late = Fluid(CONFIG, poisson=poisson, policy=reactive).play(ramp, 900)
    assert foreseen.late == 0 < late.late
    assert foreseen.up in (4, 5)
    assert all(gangs > 0 for _, gangs in foreseen.decided)


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("period_s", [40, 120, 400])
def test_a_square_wave_shorter_than_the_hold_changes_nothing_for_long(
    period_s: float, poisson: bool
) -> None:
    world = Fluid(CONFIG, poisson=poisson).play(square(0.3, 2.6, period_s), 3600)
    before = len(world.decided)
    world.play(square(0.3, 2.6, period_s), 2 * 3600)
    assert before <= 3
    assert len(world.decided) == before


def test_a_square_wave_longer_than_the_hold_changes_twice_a_period() -> None:
    period_s = 2400
    world = Fluid(CONFIG, poisson=True).play(square(0.3, 2.6, period_s), 6 * period_s)
    ups = [at_s for at_s, gangs in world.decided if gangs > 0]
    downs = [at_s for at_s, gangs in world.decided if gangs < 0]
    assert 6 <= len(ups) <= 12
    assert 5 <= len(downs) <= 12
    # At most until gangs are up, and what waited is worked off.
    assert 0 < world.late < 6 * 180 * 2.6 * FULL_PER_S


@pytest.mark.parametrize("gangs", [0.2, 0.9, 1.0, 1.7, 2.4, 3.05])
def test_noise_about_a_level_changes_nothing_after_settling(gangs: float) -> None:
    world = Fluid(CONFIG, poisson=True).play(level(gangs), 1800)
    before = len(world.decided)
    world.play(level(gangs), 6 * 3600)
    assert len(world.decided) - before <= 1
    assert world.up in (math.ceil(gangs), math.ceil(gangs) + 1)


def test_a_burst_that_is_over_before_a_gang_could_come_adds_none() -> None:
    world = Fluid(CONFIG).play(level(0.5), 600)
    world.play(level(5), 8).play(level(0.5), 600)
    assert world.queued == 0
    assert not world.decided


def test_a_burst_that_lasts_adds_gangs_at_once() -> None:
    world = Fluid(CONFIG).play(level(0.5), 600)
    world.play(level(2.5), 40)
    assert sum(gangs for _, gangs in world.decided) == 2
    assert world.decided[-1][0] <= 600 + 30


def test_a_queue_that_would_outlast_a_start_adds_a_gang() -> None:
    world = Fluid(CONFIG).play(level(0.8), 600)
    world.queued = 4000
    world.play(level(0.8), 30)
    assert world.decided
    world.play(level(0.8), 300)
    assert world.queued == 0


def test_gangs_go_when_they_have_not_been_needed_for_long() -> None:
    world = Fluid(CONFIG, up=4).play(level(3.5), 600)
    assert not world.decided
    since_s = world.now_s
    world.play(level(0.5), 1200)
    assert world.up == 1
    assert all(at_s >= since_s + 0.9 * CONFIG.stabilise_s for at_s, _ in world.decided)


def test_gangs_that_take_long_to_come_back_stay_twice_as_long() -> None:
    config = CONFIG.model_copy(update={"start_s": 400.0})
    world = Fluid(config, up=2).play(level(0.5), 790)
    assert not world.decided
    world.play(level(0.5), 60)
    assert world.up == 1


def test_of_gangs_that_are_too_many_half_go_at_once() -> None:
    world = Fluid(CONFIG, up=6).play(level(0.5), 600)
    assert [gangs for _, gangs in world.decided] == [-3, -1, -1]


@pytest.mark.parametrize(("start_s", "seen"), [(50.0, False), (400.0, True)])
def test_a_slow_rise_is_looked_for_where_gangs_take_long_to_come(
    start_s: float, seen: bool
) -> None:
    config = CONFIG.model_copy(update={"start_s": start_s})
    world = Fluid(config, up=2).play(lambda now_s: 20 + 0.02 * now_s, 600)
    assert world.last is not None
    assert ("more a minute" in world.last.reason) == seen


def test_no_more_than_twice_the_arrivals_of_now_are_foreseen() -> None:
    config = CONFIG.model_copy(update={"start_s": 400.0, "max_gangs": 30})
    world = Fluid(config, up=5).play(lambda now_s: 2 * now_s, 60)
    assert 4 <= world.state.moments[-1].needed <= math.ceil(2 * 120 / FULL_PER_S)


def test_an_idle_deployment_goes_to_zero_and_the_first_request_wakes_it_at_once() -> None:
    config = CONFIG.model_copy(update={"min_gangs": 0, "idle_s": 400.0})
    world = Fluid(config, up=3).play(level(2), 600)
    world.play(lambda now_s: 0, 390)
    assert world.up >= 1
    world.play(lambda now_s: 0, 30)
    assert world.up == 0
    world.play(lambda now_s: 0, 600)
    assert world.up == 0
    world.look(0.5)
    assert world.starting
    assert len(world.starting) == 1
    world.play(lambda now_s: 0, 60)
    assert world.up == 1


def test_gangs_stay_within_their_bounds() -> None:
    config = CONFIG.model_copy(update={"min_gangs": 2, "max_gangs": 3})
    assert Fluid(config, up=0).play(level(0), 10).starting == [50.0, 50.0]
    assert Fluid(config).play(level(9), 900).up == 3
    assert Fluid(config, up=5).play(level(9), 900).up == 3


def test_a_model_that_is_wrong_is_corrected_and_does_not_come_back_to_it() -> None:
    """Steps take 1.6 times as long as was fitted: by the model one gang is enough."""
    world = Fluid(CONFIG, slower=1.6).play(level(0.9), 1200)
    assert world.up == 2
    assert world.last is not None
    assert "times what steps say" in world.last.reason
    before = len(world.decided)
    world.play(level(0.9), 3 * 3600)
    assert len(world.decided) == before


def test_where_no_gang_may_be_added_the_model_is_not_corrected() -> None:
    config = CONFIG.model_copy(update={"max_gangs": 1})
    world = Fluid(config, slower=1.6).play(level(0.9), 1200)
    assert world.late
    assert world.state.correction == 1


def test_gangs_that_do_not_help_are_not_added_for_ever() -> None:
    world = Fluid(CONFIG, slower=11).play(level(0.1), 3600)
    assert world.state.correction <= 3


def test_looks_that_are_too_close_change_nothing() -> None:
    world = Fluid(CONFIG).play(level(3), 20)
    seen = Observation(now_s=world.now_s - 1, gangs=GangCount(up=1))
    decision = decide(seen, world.state, CONFIG)
    assert decision.gangs == 1
    assert decision.state is world.state


def test_the_reason_names_what_is_scarce_and_where_it_is_heading() -> None:
    world = Fluid(CONFIG).play(ramp, 300)
    assert world.last is not None
    assert "gangs: work " in world.last.reason
    assert "sequences " in world.last.reason
    assert "more a minute" in world.last.reason


def test_what_runs_keeps_its_gangs_even_if_nothing_comes() -> None:
    """Answers are long, and the cache holds just them; by arrivals one gang would be enough."""
    state, gangs = PolicyState(), 0
    load = ClassLoad(running=100)
    seen = Observation(0, GangCount(up=2), GANG, {Tier.STANDARD: load}, LENGTHS, kv_tokens=150_000)
    for at_s in range(0, 700, 2):
        decision = decide(replace(seen, now_s=float(at_s)), state, CONFIG)
        state, gangs = decision.state, decision.gangs
    assert gangs == 2


def test_corrections_have_a_limit() -> None:
    assert corrected(1.0, gangs=0.9, up=1) == pytest.approx(1.25 / 0.9)
    assert corrected(1.0, gangs=0.3, up=1) == 3.0
    assert corrected(1.0, gangs=0.2, up=1) == 1.0  # idle gangs aren't what is missing
    assert corrected(1.2, gangs=0.9, up=1) == 1.2  # one more is needed as it is


def test_half_of_a_correction_is_forgotten_in_an_hour_however_seldom_one_looks() -> None:
    seen = Observation(0, GangCount(up=1), GANG)
    state = decide(seen, PolicyState(correction=3.0), CONFIG).state
    assert state.correction == 3
    assert decide(replace(seen, now_s=3600.0), state, CONFIG).state.correction == 2


def test_batch_does_not_count_before_it_has_waited_too_long() -> None:
    def after(oldest_s: float) -> int:
        state, gangs = PolicyState(), 0
        load = ClassLoad(running=10, arrivals_per_s=2.5 * FULL_PER_S, oldest_s=oldest_s)
        seen = Observation(0, GangCount(up=1), GANG, {Tier.BATCH: load}, LENGTHS, kv_tokens=960)
        for at_s in range(0, 60, 2):
            decision = decide(replace(seen, now_s=float(at_s)), state, CONFIG)
            state, gangs = decision.state, decision.gangs
        return gangs

    assert after(CONFIG.batch_wait_s - 1) == 1
    assert after(CONFIG.batch_wait_s) == 3


def test_what_happened_while_nobody_looked_lets_no_gang_go() -> None:
    world = Fluid(CONFIG, up=4).play(level(0.5), 200)
    world.now_s += 200
    world.play(level(0.5), 250)
    assert not world.decided


@pytest.mark.parametrize(("interval_s", "confirm_s", "late_s"), [(2, 10, 7), (8, 5, 6), (1, 2, 3)])
def test_looks_that_are_a_little_late_forget_nothing(
    interval_s: float, confirm_s: float, late_s: float
) -> None:
    config = CONFIG.model_copy(update={"interval_s": interval_s, "confirm_s": confirm_s})
    world = Fluid(config, up=4).play(level(0.5), 200)
    world.now_s += late_s
    world.play(level(0.5), 250)
    assert world.decided
