"""Which batch requests leave a rank for a request of a better class: a pure function."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Protocol, TypeVar

from configs.tier import Tier
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.ticket import Ticket


class Preemptible(Protocol):
    """What preemption needs to know of a request."""

    @property
    def ticket(self) -> Ticket: ...

    @property
    def replica(self) -> str | None:
        """The rank that has the request; None while it waits."""

    @property
    def produced(self) -> int:
        """Tokens of the answer so far."""

    @property
    def started(self) -> bool:
        """Whether its rank has computed its prompt."""


Victim = TypeVar("Victim", bound=Preemptible)


def victims(ticket: Ticket, ranks: Sequence[RankLoad], requests: Iterable[Victim]) -> list[Victim]:
    """Choose as few batch requests as make room for `ticket` at one rank.

    Those with the fewest tokens go first, for what a request has produced is prefilled when it goes
    on. Returns none if even all of them wouldn't make room.
    """
    if ticket.tier is Tier.BATCH:
        return []
    batch: defaultdict[str | None, list[Victim]] = defaultdict(list)
    for request in requests:
        if request.ticket.tier is Tier.BATCH:
            batch[request.replica].append(request)
    found: list[list[Victim]] = []
    for rank in ranks:
        after = copy(rank)
        candidates = sorted(batch[rank.replica], key=lambda request: request.produced)
        for count, request in enumerate(candidates, start=1):
            after.release(request.ticket, started=request.started)
            if after.admits(ticket):
                found.append(candidates[:count])
                break
    return min(found, key=len, default=[])
