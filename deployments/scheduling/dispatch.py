"""Hands waiting requests to ranks: a pure function of the line and the ranks."""

from collections.abc import Callable, Sequence

from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.routing import Routing, least_loaded_rank
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.waiting_line import WaitingLine


def dispatch(
    line: WaitingLine,
    ranks: Sequence[RankLoad],
    cached: Callable[[Ticket], Cached],
    route: Routing = least_loaded_rank,
) -> list[tuple[Ticket, RankLoad]]:
    """Take from the line, in order, the requests that ranks have room for, and count them there.

    If the first request fits nowhere, the others wait too, or small requests could overtake a large
    one for ever. But nobody waits for a suspect that waits for another. Returns each request that
    was taken, and its rank.
    """
    handed_out, suspects = [], True
    while ranks and (ticket := line.first(suspects=suspects)) is not None:
        if (chosen := route(ticket, ranks, cached(ticket))) is None:
            if not suspects or not (ticket.suspect and any(rank.on_trial for rank in ranks)):
                break
            suspects = False
            continue
        rank, ticket.cached_tokens = chosen
        rank.take(ticket)
        line.serve(ticket)
        handed_out.append((ticket, rank))
    return handed_out
