"""Figures of a run, from its requests and faults: pure functions."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from deployments.chaos.outcome import Judged, Outcome, Played


def quantile(values: Iterable[float], share: float) -> float | None:
    """Return the smallest value that at least `share` of all values don't exceed."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)]


def longest_gap_s(tokens_s: Sequence[float], began_s: float, over_s: float) -> float:
    """Return the longest time without a token of one stream that overlaps a fault."""
    gaps = (
        later - sooner
        for sooner, later in pairwise(tokens_s)
        if sooner <= over_s and later >= began_s
    )
    return max(gaps, default=0.0)


def gaps_of(fault: Played, judged: Iterable[Judged], end_s: float) -> list[float]:
    """Return the longest gap of each stream that had begun when the fault did."""
    return [
        longest_gap_s(times, fault.began_s, fault.over_s(end_s))
        for one in judged
        if (times := one.sent.tokens_s) and times[0] <= fault.began_s <= times[-1]
    ]


def tokens_per_s(judged: Iterable[Judged], began_s: float, seconds: int) -> list[int]:
    """Count chunks with tokens, second by second from `began_s`."""
    counts = [0] * seconds
    for one in judged:
        for at_s in one.sent.tokens_s:
            if 0 <= (second := int(at_s - began_s)) < seconds:
                counts[second] += 1
    return counts


def goodput_per_s(judged: Iterable[Judged], began_s: float, ended_s: float) -> float:
    """Return right answers per second that ended in this time."""
    right = sum(
        one.outcome is Outcome.RIGHT and began_s <= one.sent.ended_s < ended_s for one in judged
    )
    return right / max(ended_s - began_s, 1e-9)
