"""Which rank gets a request: a pure function of what the router knows."""

import math
from collections.abc import Iterable

from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import Room
from deployments.scheduling.waiting_line import Ticket

# What a running sequence counts for in tokens of prompts: it takes a token of every step, and a
# prefix that many requests share mustn't draw all of them to the one rank that has it.
_SEQUENCE_TOKENS = 8


def cheapest(ticket: Ticket, rooms: Iterable[Room], cached: Cached) -> tuple[Room, int] | None:
    """The rank with the least work before it once it has the request, of those that admit it.

    Work is counted in tokens: of prompts that it has yet to compute, this one's included but for
    what it has `cached` of it, and for each of its sequences as `_SEQUENCE_TOKENS`. A step of a
    gang lasts as long as that of its busiest rank, so this also evens out what its ranks have to
    do. Returns the rank, and how many tokens of the prompt it has.
    """
    best: tuple[Room, int] | None = None
    least, tie = math.inf, (0, "")
    for room in rooms:
        held = held_tokens(room.bit, cached) if cached else 0
        work = room.prefill_tokens - held + _SEQUENCE_TOKENS * room.sequences
        # Asked last: most ranks are out by then, and there may be hundreds.
        if work <= least and room.admits(ticket):
            order = room.promised_tokens, room.replica
            if work < least or order < tie:
                best, least, tie = (room, held), work, order
    return best


def held_tokens(bit: int, cached: Cached) -> int:
    """Of a prompt, at the rank with that bit."""
    for tokens, ranks in cached:
        if ranks & bit:
            return tokens
    return 0
