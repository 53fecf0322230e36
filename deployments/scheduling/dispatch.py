"""One round of handing out what waits: a pure function of the line and the ranks."""

from collections.abc import Callable, Sequence

from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import Room
from deployments.scheduling.routing import cheapest
from deployments.scheduling.waiting_line import Ticket, WaitingLine


def dispatch(
    line: WaitingLine, rooms: Sequence[Room], cached: Callable[[Ticket], Cached]
) -> list[tuple[Ticket, Room]]:
    """Takes from the line, in order, what the ranks have room for; counts it in `rooms`.

    Whoever is first and fits nowhere makes the others wait: small requests don't overtake a large
    one for ever.
    """
    handed_out = []
    while rooms and (ticket := line.first()) is not None:
        if (chosen := cheapest(ticket, rooms, cached(ticket))) is None:
            break
        room, ticket.cached_tokens = chosen
        room.take(ticket)
        line.serve(ticket)
        handed_out.append((ticket, room))
    return handed_out
