"""Which rank gets a request: a pure function of what the router knows."""

from collections.abc import Iterable
from typing import Protocol

from deployments.router.room import Room
from deployments.router.waiting_line import Ticket


class Choice(Protocol):
    """A routing policy."""

    def __call__(self, ticket: Ticket, rooms: Iterable[Room]) -> Room:
        """Picks one of `rooms`, all of which admit the request, and which aren't empty."""
        ...


def evenest(ticket: Ticket, rooms: Iterable[Room]) -> Room:
    """The rank that would finish its prompts first, then the one with the fewest sequences.

    The ranks of a gang step together and a step lasts as long as its longest rank, so prompts are
    spread by their tokens: a rank with one long prompt gets no second while another has none.
    """
    return min(rooms, key=_load)


def _load(room: Room) -> tuple[int, int, int, str]:
    return room.prefill_tokens, room.sequences, room.promised_tokens, room.replica
