"""Where the model is wrong: targets that are missed although gangs are enough by it."""

import math

from configs.autoscaling import Autoscaling
from deployments.autoscaling.demand import Counted
from deployments.autoscaling.observation import Observation
from deployments.autoscaling.policy_state import PolicyState

_SETTLE_S = 30.0  # until a change of gangs shows in what is measured
IDLE = 0.25  # gangs with less to do than this aren't made faster by more of them
_STEP = 0.25  # gangs, by which those that are up are too few
_MOST = 3.0  # beyond it, it isn't gangs that are missing
_HALVED_S = 3600.0


def misses(seen: Observation, counted: Counted, config: Autoscaling) -> bool:
    """Whether a target is missed in a way that more gangs would mend.

    A TTFT while nobody waits in line is one of prompts; a TPOT that idle ranks have is theirs.
    """
    step = seen.capacity.step if seen.capacity else None
    reachable = step is None or step.base_s <= config.margin * config.tpot_s
    slow = reachable and (seen.tpot_s or 0.0) > config.margin * config.tpot_s
    waits_s = max(seen.ttft_s or 0.0, counted.oldest_s) if counted.queued_requests else 0.0
    return slow or waits_s > config.margin * config.ttft_s


def missed_for_long(seen: Observation, state: PolicyState, start_s: float) -> bool:
    """With the gangs that there are, and not because of a burst that they are working off."""
    since_s = seen.now_s - _SETTLE_S
    if seen.gangs.starting or not seen.gangs.up or state.up_since_s > since_s:
        return False
    lately = state.since(since_s)
    if not state.reaches(since_s) or not all(one.missed for one in lately):
        return False
    before, now = lately[len(lately) // 2], lately[-1]
    falls = (before.open - now.open) / max(1e-9, now.at_s - before.at_s)
    return now.open > falls * start_s


def forgotten(correction: float, after_s: float) -> float:
    return 1 + (correction - 1) * math.exp2(-after_s / _HALVED_S)


def corrected(correction: float, gangs: float, up: int) -> float:
    """Raised so that one more than `up` is needed, where `gangs` are by the model alone.

    It scales the model rather than adding a gang, so that it holds at other loads too, and what
    was let go isn't missed at once again.
    """
    if correction * gangs > up or gangs < IDLE * up:
        return correction
    return min(_MOST, (up + _STEP) / gangs)
