"""Combines many reports into one observation: a pure function."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from configs.tier import Tier
from deployments.autoscaling.observation import (
    Capacity,
    ClassLoad,
    GangCount,
    Lengths,
    Observation,
    StepTime,
)
from deployments.autoscaling.reports import RankReport, RouterReport


def observe(
    ranks: Sequence[RankReport],
    routers: Sequence[RouterReport],
    wanted: int,
    capacity: Capacity | None,
    now_s: float,
) -> Observation:
    """Combine reports into an observation.

    `wanted` gangs that aren't up are starting. A gang drains as soon as one of its ranks does.
    """
    up, draining = whole_gangs(ranks), {rank.gang for rank in ranks if rank.draining}
    return Observation(
        now_s=now_s,
        gangs=GangCount(up=len(up), starting=max(0, wanted - len(up)), draining=len(draining)),
        capacity=capacity,
        classes={tier: _together(router.classes[tier] for router in routers) for tier in Tier},
        lengths=Lengths(
            prefill_tokens=_mean(routers, lambda router: router.lengths.prefill_tokens) or 0.0,
            prompt_tokens=_mean(routers, lambda router: router.lengths.prompt_tokens) or 0.0,
            answer_tokens=_mean(routers, lambda router: router.lengths.answer_tokens) or 0.0,
        ),
        kv_tokens=sum(rank.kv_used_tokens for rank in ranks),
        prefill_tokens=sum(rank.prefill_tokens for rank in ranks),
        ttft_s=_mean(routers, lambda router: router.ttft_s),
        tpot_s=_mean(routers, lambda router: router.tpot_s),
    )


def whole_gangs(ranks: Iterable[RankReport]) -> set[str]:
    """Return the gangs all of whose ranks report and take new work."""
    ready = [rank for rank in ranks if not rank.draining]
    present = Counter(rank.gang for rank in ready)
    return {rank.gang for rank in ready if present[rank.gang] == rank.ranks}


def capacity_of(ranks: Sequence[RankReport], start_s: float | None) -> Capacity | None:
    """Return the capacity of one gang, by what the ranks report; None without ranks.

    `start_s` is the measured time that a gang takes to come up. While it is None, the ranks' own
    starts count, in which the time to get nodes isn't included.
    """
    if not ranks:
        return None
    first, count = ranks[0], len(ranks)
    steps = [rank.step for rank in ranks if rank.step is not None]
    return Capacity(
        ranks=first.ranks,
        sequences=first.ranks * sum(rank.sequences for rank in ranks) // count,
        kv_tokens=first.ranks * sum(rank.kv_tokens for rank in ranks) // count,
        step=_mean_step(steps) if steps else None,
        start_s=max(rank.start_s for rank in ranks) if start_s is None else start_s,
    )


def _mean_step(steps: Sequence[StepTime]) -> StepTime:
    return StepTime(
        base_s=sum(step.base_s for step in steps) / len(steps),
        sequence_s=sum(step.sequence_s for step in steps) / len(steps),
        prefill_token_s=sum(step.prefill_token_s for step in steps) / len(steps),
    )


def _together(classes: Iterable[ClassLoad]) -> ClassLoad:
    loads = list(classes)
    return ClassLoad(
        queued_requests=sum(load.queued_requests for load in loads),
        queued_tokens=sum(load.queued_tokens for load in loads),
        oldest_s=max((load.oldest_s for load in loads), default=0.0),
        running=sum(load.running for load in loads),
        arrivals_per_s=sum(load.arrivals_per_s for load in loads),
    )


def _mean(
    routers: Iterable[RouterReport], figure: Callable[[RouterReport], float | None]
) -> float | None:
    """Return the mean of a figure, with each router weighted by how much it has answered."""
    known = [
        (value, router.answered)
        for router in routers
        if router.answered and (value := figure(router)) is not None
    ]
    weight = sum(answered for _, answered in known)
    return sum(value * answered for value, answered in known) / weight if known else None
