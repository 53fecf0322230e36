"""How many gangs there should be: a pure function of what is reported and of its own earlier looks.

Three parts come from other autoscalers. Each look makes a recommendation; the lowest recent one
decides on more gangs, the highest on fewer (stabilisation windows of Kubernetes'
HorizontalPodAutoscaler). From zero a gang is added at once, and to zero gangs go after a delay of
their own (Ray Serve's cold start and `downscale_to_zero_delay_s`, KEDA's `cooldownPeriod`). The
load that counts is the one expected when a gang that is asked for now has come up (NVIDIA Dynamo's
SLA planner).
"""

import math
from dataclasses import dataclass, field, replace

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.correction import IDLE, corrected, forgotten, missed_for_long, misses
from deployments.autoscaling.demand import Counted, Need, need, occupied
from deployments.autoscaling.observation import RATE_S, ClassLoad, Observation
from deployments.autoscaling.policy_state import Moment, PolicyState
from deployments.autoscaling.reason import reason
from deployments.autoscaling.trend import Trend, trend

_TREND_S = 120.0  # or as long as a gang takes to come up
_SLACK = 1.1  # fewer gangs must have this much more room than they need
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Decision:
    """How many gangs should be up or starting, and what to remember."""

    gangs: int
    state: PolicyState = field(repr=False)
    reason: str = ""  # one line, for logs


def decide(seen: Observation, state: PolicyState, config: Autoscaling) -> Decision:
    """Decide how many gangs there should be.

    It may be called at any pace: a call less than `interval_s` after the last look changes nothing.
    """
    staying = seen.gangs.staying
    if state.moments and seen.now_s - state.moments[-1].at_s < config.interval_s - _ROUNDING:
        return Decision(_bounded(staying, config), state, "the last look was just now")
    counted = Counted.of(seen, config)
    state = _noted(seen, counted, state, config)
    coming = trend(state.points(seen.now_s - _trend_s(seen, config), batch=counted.batch))
    wanted = need(_later_per_s(coming, seen, config), seen, counted, config)
    state = _judged(seen, counted, wanted, state, config)
    gangs = _bounded(_gangs(seen, state, config), config)
    return Decision(gangs, state, reason(gangs, wanted, coming, state, config))


def _noted(
    seen: Observation, counted: Counted, state: PolicyState, config: Autoscaling
) -> PolicyState:
    """Return the state with this look, which recommends nothing yet, and without looks too old."""
    kept_s = max(_hold_s(seen, config), _trend_s(seen, config))
    changed = state.since_s is None or seen.gangs.up != state.up
    last_s = state.moments[-1].at_s if state.moments else seen.now_s
    # Of a long time without looks nothing is known but the last arrivals.
    unseen = seen.now_s - last_s > max(config.confirm_s, 2 * config.interval_s, RATE_S)
    batch_per_s = seen.classes.get(Tier.BATCH, ClassLoad()).arrivals_per_s
    moment = Moment(
        at_s=seen.now_s,
        arrivals_per_s=sum(load.arrivals_per_s for load in seen.classes.values()) - batch_per_s,
        batch_per_s=batch_per_s,
        open=counted.queued_requests + counted.running,
        missed=misses(seen, counted, config),
    )
    return PolicyState(
        since_s=seen.now_s if unseen or state.since_s is None else state.since_s,
        moments=(*state.since(seen.now_s - kept_s), moment),
        worked_at_s=seen.now_s if seen.works or not state.moments else state.worked_at_s,
        up=seen.gangs.up,
        up_since_s=seen.now_s if changed else state.up_since_s,
        correction=forgotten(state.correction, seen.now_s - last_s),
    )


def _later_per_s(coming: Trend, seen: Observation, config: Autoscaling) -> float:
    """Return the expected rate of arrivals at the time when a gang could be up.

    The gang is asked for once its need is confirmed. The rate is at most twice the present one: no
    rate rises for ever.
    """
    later_s = RATE_S / 2 + config.confirm_s + _start_s(seen, config)
    return coming.level_per_s + min(coming.level_per_s, later_s * coming.rise_per_s2)


def _judged(
    seen: Observation,
    counted: Counted,
    wanted: Need | None,
    state: PolicyState,
    config: Autoscaling,
) -> PolicyState:
    """Return the state with what this look recommends.

    The correction of the model is raised if the model was wrong for long. While it isn't known how
    long steps take, no gang goes, and more come as gangs fill up.
    """
    up, held, correction = seen.gangs.up, occupied(seen, counted), state.correction
    missed = up < config.max_gangs and missed_for_long(seen, state, _start_s(seen, config))
    if wanted is None:
        needed = _whole(held / config.fill)
        if missed and held >= IDLE * up:
            needed = max(needed, up + 1)
        enough = max(needed, seen.gangs.staying)
    else:
        gangs = wanted.gangs / config.fill
        if missed:
            correction = corrected(correction, gangs, up)
        # Requests that run must fit in the gangs that stay.
        needed = _whole(correction * gangs)
        enough = _whole(max(_SLACK * correction * gangs, held))
    least = 1 if seen.works else 0
    moment = replace(
        state.moments[-1], needed=max(least, needed), enough=max(least, needed, enough)
    )
    return replace(state, moments=(*state.moments[:-1], moment), correction=correction)


def _gangs(seen: Observation, state: PolicyState, config: Autoscaling) -> int:
    staying = seen.gangs.staying
    if not staying:
        return state.moments[-1].needed
    since_s = seen.now_s - config.confirm_s
    if state.reaches(since_s):
        confirmed = min(moment.needed for moment in state.since(since_s))
        if confirmed > staying:
            return confirmed
    return _fewer(seen, state, config)


def _fewer(seen: Observation, state: PolicyState, config: Autoscaling) -> int:
    """Return as many gangs as stay, or fewer if the others can be drained.

    Requests at gangs that go may move to those that stay: they are part of the load that decides.
    """
    now_s, gangs = seen.now_s, seen.gangs
    if not config.min_gangs and now_s - state.worked_at_s >= config.idle_s:
        return 0
    since_s = now_s - _hold_s(seen, config)
    if gangs.draining or not state.reaches(since_s):
        return gangs.staying
    enough = max(moment.enough for moment in state.since(since_s))
    # Serve ends starting gangs first. Of the others at most half go at once, because requests that
    # move are prefilled again.
    most = gangs.starting or max(1, gangs.up // 2)
    return min(gangs.staying, max(1, enough, gangs.staying - most))


def _start_s(seen: Observation, config: Autoscaling) -> float:
    return (seen.capacity and seen.capacity.start_s) or config.start_s


def _hold_s(seen: Observation, config: Autoscaling) -> float:
    """Return how long gangs must not have been needed before they go.

    A gang that is gone for less time than it takes to come back has saved nothing.
    """
    return max(config.stabilise_s, 2 * _start_s(seen, config))


def _trend_s(seen: Observation, config: Autoscaling) -> float:
    return max(_TREND_S, _start_s(seen, config))


def _bounded(gangs: int, config: Autoscaling) -> int:
    return min(config.max_gangs, max(config.min_gangs, gangs))


def _whole(gangs: float) -> int:
    return math.ceil(gangs - _ROUNDING)
