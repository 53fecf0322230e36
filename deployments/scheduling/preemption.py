"""Chooses batch requests that leave a rank for a request of a better class: a pure function."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Protocol, TypeVar

from configs.tier import Tier
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.ticket import Ticket


class Preemptible(Protocol):
    """A request as preemption sees it."""

    @property
    def ticket(self) -> Ticket: ...

    @property
    def replica(self) -> str | None:
        """Name of the rank that has the request; None while the request waits."""

    @property
    def produced(self) -> int:
        """Number of answer tokens so far."""

    @property
    def started(self) -> bool:
        """Whether the rank has computed the prompt."""


Victim = TypeVar("Victim", bound=Preemptible)


def victims(ticket: Ticket, ranks: Sequence[RankLoad], requests: Iterable[Victim]) -> list[Victim]:
    """Choose as few batch requests as make room for `ticket` at one rank.

    Requests with the fewest answer tokens go first, because those tokens are prefilled when the
    request continues. Returns an empty list if even all batch requests of a rank wouldn't make
    room.
    """
    if ticket.tier is Tier.BATCH:
        return []
    batch: defaultdict[str | None, list[Victim]] = defaultdict(list)
    for request in requests:
        if request.ticket.tier is Tier.BATCH:
            batch[request.replica].append(request)
    choices: list[list[Victim]] = []
    for rank in ranks:
        after = copy(rank)
        candidates = sorted(batch[rank.replica], key=lambda request: request.produced)
        for count, request in enumerate(candidates, start=1):
            after.release(request.ticket, started=request.started)
            if after.admits(ticket):
                choices.append(candidates[:count])
                break
    return min(choices, key=len, default=[])
