"""The reports of ranks and routers to the scaler, one each every `REPORT_EVERY_S`."""

from configs.schema import Strict
from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad, Lengths, StepTime

REPORT_EVERY_S = 1.0
EXPIRE_AFTER_S = 10.0  # a rank or router that reports nothing for this long is gone


class RankReport(Strict):
    """Report of one rank: what it can hold, and what it holds now."""

    replica: str
    gang: str
    ranks: int  # of its gang
    sequences: int  # at most
    kv_tokens: int  # its cache
    start_s: float  # from when its process began until it could serve
    told_gangs: int | None  # what the scaler last wanted
    draining: bool
    kv_used_tokens: int
    prefill_tokens: int  # of prompts, yet to be computed
    step: StepTime | None  # None: too few steps were timed


class RouterReport(Strict):
    """Report of one router about its own requests."""

    router: str
    classes: dict[Tier, ClassLoad]
    answered: int  # recent requests that the following are means and quantiles of
    lengths: Lengths
    ttft_s: float | None
    tpot_s: float | None
