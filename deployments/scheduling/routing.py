"""Chooses the rank that gets a request: a pure function of what the router knows."""

import math
from collections.abc import Callable, Iterable

from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.ticket import Ticket

# A running sequence counts as this many prompt tokens: it takes a token of every step, and a
# prefix that many requests share mustn't draw all of them to the one rank that has it.
_SEQUENCE_TOKENS = 8

# A function of a ticket, the ranks and what is cached of the prompt. It returns the chosen rank and
# how many tokens that rank has cached, or None if no rank admits the request.
Routing = Callable[[Ticket, Iterable[RankLoad], Cached], tuple[RankLoad, int] | None]


def least_loaded_rank(
    ticket: Ticket, ranks: Iterable[RankLoad], cached: Cached
) -> tuple[RankLoad, int] | None:
    """Choose, of the ranks that admit the request, the rank with the least work once it has it.

    Work is counted in tokens: the prompt tokens that the rank has yet to compute, those of this
    request included unless they are `cached` there, and `_SEQUENCE_TOKENS` for each sequence. A
    step of a gang lasts as long as that of its busiest rank, so this also evens out the work of a
    gang's ranks. Returns the rank and how many tokens of the prompt it has cached, or None if no
    rank admits the request.
    """
    best: tuple[RankLoad, int] | None = None
    least, tie = math.inf, (0, "")
    for rank in ranks:
        held = held_tokens(rank.bit, cached) if cached else 0
        work = rank.prefill_tokens - held + _SEQUENCE_TOKENS * rank.sequences
        # `admits` comes last: by then most ranks are ruled out, and there may be hundreds.
        if work <= least and rank.admits(ticket):
            order = rank.promised_tokens, rank.replica
            if work < least or order < tie:
                best, least, tie = (rank, held), work, order
    return best


def held_tokens(bit: int, cached: Cached) -> int:
    """Return how many tokens of a prompt are cached at the rank with that bit."""
    for tokens, ranks in cached:
        if ranks & bit:
            return tokens
    return 0
