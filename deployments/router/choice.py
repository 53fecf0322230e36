"""Which rank gets a request: a pure function of what the router knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RankLoad:
    """One rank that could take a request."""

    replica: str
    sent_requests: int  # this router's own, unfinished
    reported_requests: int  # running and waiting over all routers, as the rank last said
    kv_cache_usage: float  # 0 to 1


class Choice(Protocol):
    """A routing policy."""

    def __call__(self, ranks: Sequence[RankLoad]) -> RankLoad:
        """Picks one of `ranks`, which aren't empty."""
        ...


def least_loaded(ranks: Sequence[RankLoad]) -> RankLoad:
    """The rank with the fewest requests, then the one with the emptiest KV cache.

    A rank's own report lags by a step, and by a second when it is idle; what this router sent is
    exact. The larger of the two counts neither a burst nor another router's requests as zero.
    """
    return min(
        ranks,
        key=lambda rank: (
            max(rank.sent_requests, rank.reported_requests),
            rank.kv_cache_usage,
            rank.replica,
        ),
    )
