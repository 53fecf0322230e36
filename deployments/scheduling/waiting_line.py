"""Who is next: classes in order of priority, and in a class each key its share of tokens."""

import heapq
import itertools
from collections import defaultdict

from configs.tier import Tier
from deployments.scheduling.ticket import Ticket

_FEW = 64  # who has left may stay in the heap


class WaitingLine:
    """Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) within each class.

    A key's requests take turns spaced by their prompt tokens over its weight, so a key that sends
    a thousand at once is served as fast as it deserves. One that sends a single request needn't
    wait for a turn, as a sparse flow in FQ-CoDel (RFC 8290) doesn't: it can't take much.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Ticket] = {}
        # Those that have never left the line, as they came.
        self._new: dict[Tier, dict[str, Ticket]] = {tier: {} for tier in Tier}
        self._heap: list[tuple[Tier, bool, float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._now = dict.fromkeys(Tier, 0.0)  # the latest turn taken
        self._next_tag: dict[Tier, dict[str, float]] = defaultdict(dict)
        self._length = dict.fromkeys(Tier, 0)
        # In the line or at a rank, by whose they are.
        self._open: defaultdict[tuple[Tier, str], set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, ticket: Ticket) -> None:
        tags = self._next_tag[ticket.tier]
        ticket.start_tag = max(self._now[ticket.tier], tags.get(ticket.key, 0.0))
        tags[ticket.key] = ticket.start_tag + max(1, ticket.prompt_tokens) / ticket.weight
        others = self._open[ticket.tier, ticket.key]
        ticket.sparse = bool(ticket.key) and not others
        others.add(ticket.request_id)
        self._new[ticket.tier][ticket.request_id] = ticket
        self.rejoin(ticket)

    def rejoin(self, ticket: Ticket) -> None:
        """Back to the turn it had: it was called back from a rank."""
        self._waiting[ticket.request_id] = ticket
        self._length[ticket.tier] += 1
        place = ticket.tier, not ticket.sparse, ticket.start_tag, next(self._numbers)
        heapq.heappush(self._heap, (*place, ticket))

    def leave(self, request_id: str) -> None:
        """Nothing happens if it doesn't wait."""
        ticket = self._waiting.pop(request_id, None)
        if ticket is None:
            return
        self._new[ticket.tier].pop(request_id, None)
        self._length[ticket.tier] -= 1
        if not self._length[ticket.tier]:
            self._next_tag[ticket.tier].clear()
        if len(self._heap) > 2 * len(self._waiting) + _FEW:
            self._heap = [one for one in self._heap if self._waits(one[-1])]
            heapq.heapify(self._heap)

    def _waits(self, ticket: Ticket) -> bool:
        return self._waiting.get(ticket.request_id) is ticket

    def part(self, ticket: Ticket) -> None:
        """It has ended, here or at a rank."""
        self.leave(ticket.request_id)
        whose = ticket.tier, ticket.key
        self._open[whose].discard(ticket.request_id)
        if not self._open[whose]:
            del self._open[whose]

    def last_below(self, tier: Tier) -> Ticket | None:
        """Who leaves a full line for one of that class: the newest of the lowest class below it.

        Not who was called back from a rank, for its stream has begun.
        """
        for lower in reversed(Tier):
            if lower > tier and self._new[lower]:
                return next(reversed(self._new[lower].values()))
        return None

    def first(self) -> Ticket | None:
        """Whose turn it is; stays in the line."""
        while self._heap:
            ticket = self._heap[0][-1]
            if self._waits(ticket):
                return ticket
            heapq.heappop(self._heap)
        return None

    def serve(self, ticket: Ticket) -> None:
        """It goes to a rank."""
        self._now[ticket.tier] = max(self._now[ticket.tier], ticket.start_tag)
        self.leave(ticket.request_id)
