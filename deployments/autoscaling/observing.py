"""Many reports made into one observation: a pure function."""

from collections import Counter
from collections.abc import Iterable, Sequence

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
    """`wanted` gangs that aren't up are starting. A gang drains as soon as one rank of it does."""
    up, draining = whole_gangs(ranks), {one.gang for one in ranks if one.draining}
    return Observation(
        now_s=now_s,
        gangs=GangCount(up=len(up), starting=max(0, wanted - len(up)), draining=len(draining)),
        capacity=capacity,
        classes={tier: _together(one.classes[tier] for one in routers) for tier in Tier},
        lengths=Lengths(
            prefill_tokens=_mean((one.lengths.prefill_tokens, one) for one in routers) or 0.0,
            prompt_tokens=_mean((one.lengths.prompt_tokens, one) for one in routers) or 0.0,
            answer_tokens=_mean((one.lengths.answer_tokens, one) for one in routers) or 0.0,
        ),
        kv_tokens=sum(one.kv_used_tokens for one in ranks),
        prefill_tokens=sum(one.prefill_tokens for one in ranks),
        ttft_s=_mean((one.ttft_s, one) for one in routers),
        tpot_s=_mean((one.tpot_s, one) for one in routers),
    )


def whole_gangs(ranks: Iterable[RankReport]) -> set[str]:
    """Gangs all of whose ranks report, and take new work."""
    ready = [one for one in ranks if not one.draining]
    present = Counter(one.gang for one in ready)
    return {one.gang for one in ready if present[one.gang] == one.ranks}


def capacity_of(ranks: Sequence[RankReport], start_s: float | None) -> Capacity | None:
    """Of one gang, by what the ranks say; None without any.

    `start_s` is measured; until it was, a rank's own start counts, which knows of no nodes.
    """
    if not ranks:
        return None
    first, count = ranks[0], len(ranks)
    steps = [one.step for one in ranks if one.step is not None]
    return Capacity(
        ranks=first.ranks,
        sequences=first.ranks * sum(one.sequences for one in ranks) // count,
        kv_tokens=first.ranks * sum(one.kv_tokens for one in ranks) // count,
        step=_mean_step(steps) if steps else None,
        start_s=max(one.start_s for one in ranks) if start_s is None else start_s,
    )


def _mean_step(steps: Sequence[StepTime]) -> StepTime:
    return StepTime(
        base_s=sum(one.base_s for one in steps) / len(steps),
        sequence_s=sum(one.sequence_s for one in steps) / len(steps),
        prefill_token_s=sum(one.prefill_token_s for one in steps) / len(steps),
    )


def _together(loads: Iterable[ClassLoad]) -> ClassLoad:
    found = list(loads)
    return ClassLoad(
        queued_requests=sum(one.queued_requests for one in found),
        queued_tokens=sum(one.queued_tokens for one in found),
        oldest_s=max((one.oldest_s for one in found), default=0.0),
        running=sum(one.running for one in found),
        arrivals_per_s=sum(one.arrivals_per_s for one in found),
    )


def _mean(values: Iterable[tuple[float | None, RouterReport]]) -> float | None:
    """Each router counts as much as it has answered."""
    known = [(value, one.answered) for value, one in values if value is not None and one.answered]
    weight = sum(answered for _, answered in known)
    return sum(value * answered for value, answered in known) / weight if known else None
