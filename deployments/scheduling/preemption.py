"""Which batch requests leave a rank for one of a better class: a pure function."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy

from deployments.router.routed_request import Flight
from deployments.scheduling.rank_load import Room
from deployments.scheduling.waiting_line import Ticket, Tier


def who_yields(ticket: Ticket, rooms: Sequence[Room], flights: Iterable[Flight]) -> list[Flight]:
    """As few as make room for `ticket` at one rank; none if even all of them wouldn't.

    Those with the fewest tokens go first: what a request has produced is prefilled when it goes on.
    """
    if ticket.tier is Tier.BATCH:
        return []
    batch: defaultdict[str | None, list[Flight]] = defaultdict(list)
    for flight in flights:
        if flight.ticket.tier is Tier.BATCH:
            batch[flight.replica].append(flight)
    found: list[list[Flight]] = []
    for room in rooms:
        after = copy(room)
        candidates = sorted(batch[room.replica], key=lambda flight: len(flight.tokens))
        for count, flight in enumerate(candidates, start=1):
            after.release(flight.ticket, started=flight.started)
            if after.admits(ticket):
                found.append(candidates[:count])
                break
    return min(found, key=len, default=[])
