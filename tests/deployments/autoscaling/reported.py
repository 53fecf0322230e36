"""Reports of ranks and routers, with defaults for all that a test doesn't care about."""

from typing import Any

from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad, Lengths
from deployments.autoscaling.reports import RankReport, RouterReport


def rank(replica: str, gang: str = "g", ranks: int = 1, **more: Any) -> RankReport:
    values: dict[str, Any] = {
        "sequences": 8,
        "kv_tokens": 1000,
        "start_s": 20.0,
        "told_gangs": None,
        "draining": False,
        "kv_used_tokens": 0,
        "prefill_tokens": 0,
        "step": None,
        **more,
    }
    return RankReport(replica=replica, gang=gang, ranks=ranks, **values)


def router(name: str = "r", standard: ClassLoad | None = None, **more: Any) -> RouterReport:
    loads = dict.fromkeys(Tier, ClassLoad()) | {Tier.STANDARD: standard or ClassLoad()}
    values: dict[str, Any] = {
        "answered": 0,
        "lengths": Lengths(),
        "ttft_s": None,
        "tpot_s": None,
        **more,
    }
    return RouterReport(router=name, classes=loads, **values)
