"""Corrects the model of `demand` where it finds gangs enough that miss their targets."""

import math

from configs.autoscaling import Autoscaling
from deployments.autoscaling.demand import Counted
from deployments.autoscaling.observation import Observation
from deployments.autoscaling.policy_state import PolicyState

_SETTLE_S = 30.0  # until a change of gangs shows in what is measured
IDLE = 0.25  # gangs with less to do than this aren't made faster by more of them
_STEP = 0.25  # gangs, by which those that are up are taken to be too few
_MOST = 3.0  # a larger correction means that more gangs don't help
_HALVED_S = 3600.0  # in which half of a correction is forgotten


def misses(seen: Observation, counted: Counted, config: Autoscaling) -> bool:
    """Tell whether a target is missed in a way that more gangs would mend.

    They don't mend a TTFT that is missed while no request waits in line, which is due to prompts,
    nor a TPOT that even idle ranks miss.
    """
    step = seen.capacity.step if seen.capacity else None
    reachable = step is None or step.base_s <= config.margin * config.tpot_s
    slow = reachable and (seen.tpot_s or 0.0) > config.margin * config.tpot_s
    waits_s = max(seen.ttft_s or 0.0, counted.oldest_s) if counted.queued_requests else 0.0
    return slow or waits_s > config.margin * config.ttft_s


def missed_for_long(seen: Observation, state: PolicyState, start_s: float) -> bool:
    """Tell whether targets have long been missed, with all gangs up.

    A burst that these gangs are working off doesn't count.
    """
    since_s = seen.now_s - _SETTLE_S
    if seen.gangs.starting or not seen.gangs.up or state.up_since_s > since_s:
        return False
    lately = state.since(since_s)
    if not state.reaches(since_s) or not all(moment.missed for moment in lately):
        return False
    before, now = lately[len(lately) // 2], lately[-1]
    falls = (before.open - now.open) / max(1e-9, now.at_s - before.at_s)
    return now.open > falls * start_s


def forgotten(correction: float, after_s: float) -> float:
    """Return what is left of a correction `after_s` later."""
    return 1 + (correction - 1) * math.exp2(-after_s / _HALVED_S)


def corrected(correction: float, gangs: float, up: int) -> float:
    """Return the correction, raised so that one gang more than `up` is needed.

    `gangs` are needed by the model alone. The correction scales the model rather than adding a
    gang, so that it holds at other loads too, and a gang that was let go isn't missed at once
    again. It isn't raised if one gang more is needed as it is, or if gangs are nearly idle.
    """
    if correction * gangs > up or gangs < IDLE * up:
        return correction
    return min(_MOST, (up + _STEP) / gangs)
