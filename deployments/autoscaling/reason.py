"""Why there should be so many gangs, in one line for logs and `small4 status`."""

from configs.autoscaling import Autoscaling
from deployments.autoscaling.demand import Need
from deployments.autoscaling.policy_state import PolicyState
from deployments.autoscaling.trend import Trend


def reason(
    gangs: int, wanted: Need | None, coming: Trend, state: PolicyState, config: Autoscaling
) -> str:
    """Return why there should be so many gangs.

    An example is `3 gangs: work 1.9, TPOT 2.1, sequences 2.3; 40 requests/s, 0.4 more a minute`.
    """
    correction, latest = state.correction, state.moments[-1]
    text = f"{gangs} gang{'' if gangs == 1 else 's'}: {_needs(wanted, correction / config.fill)}"
    text += f"; {coming.level_per_s:.3g} requests/s"
    if coming.rise_per_s2:
        text += f", {60 * coming.rise_per_s2:.2g} more a minute"
    if round(correction, 1) > 1:
        text += f"; {correction:.1f} times what steps say, for targets were missed"
    if latest.needed > config.max_gangs:
        text += f"; max_gangs is below {latest.needed}"
    elif latest.enough < gangs and gangs > config.min_gangs:
        text += "; fewer if it stays so"
    return text


def _needs(wanted: Need | None, times: float) -> str:
    if wanted is None:
        return "no step was timed yet"
    parts = {
        "work": wanted.work,
        "TPOT": wanted.tpot,
        "sequences": wanted.sequences,
        "KV cache": wanted.kv_cache,
        "queue": wanted.queue,
    }
    needs = [f"{name} {times * value:.1f}" for name, value in parts.items() if value]
    return ", ".join(needs) or "nothing to do"
