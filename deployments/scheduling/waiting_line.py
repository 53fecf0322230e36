"""The order of waiting requests: by class, and in a class each key gets its share of tokens."""

import heapq
import itertools
from collections import defaultdict

from configs.tier import Tier
from deployments.scheduling.ticket import Ticket

# The heap is rebuilt when it has this many more entries of requests that left than of those that
# wait.
_MOST_STALE = 64


# What orders a request: its class, whether it moved, is sparse, its start tag, and a number.
_Place = tuple[Tier, bool, bool, float, int, Ticket]


class WaitingLine:
    """Orders requests by start-time fair queueing within each class.

    The start tags of a key's requests are spaced by their prompt tokens over the key's weight, so a
    key that sends a thousand requests at once still gets no more than its share (Goyal, Vin and
    Cheng, SIGCOMM 1996). The only request of a key goes before those of keys with several, as a
    sparse flow does in FQ-CoDel (RFC 8290): it can't take much. Requests whose gang was lost go
    before all others of their class.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Ticket] = {}
        # Requests that have never left the line, in order of arrival.
        self._new: dict[Tier, dict[str, Ticket]] = {tier: {} for tier in Tier}
        # One heap for suspects, and one for all others.
        self._heaps: dict[bool, list[_Place]] = {True: [], False: []}
        self._numbers = itertools.count()
        self._virtual_time = dict.fromkeys(Tier, 0.0)  # the highest start tag served
        # Of each key's last request: where the key's next one may start.
        self._finish_tags: dict[Tier, dict[str, float]] = defaultdict(dict)
        self._length = dict.fromkeys(Tier, 0)
        # Requests in the line or at a rank, by class and key.
        self._open: defaultdict[tuple[Tier, str], set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, ticket: Ticket) -> None:
        finish_tags = self._finish_tags[ticket.tier]
        virtual_time = self._virtual_time[ticket.tier]
        ticket.start_tag = max(virtual_time, finish_tags.get(ticket.key, 0.0))
        finish_tags[ticket.key] = ticket.start_tag + max(1, ticket.prompt_tokens) / ticket.weight
        others = self._open[ticket.tier, ticket.key]
        ticket.sparse = bool(ticket.key) and not others
        others.add(ticket.request_id)
        self._new[ticket.tier][ticket.request_id] = ticket
        self.rejoin(ticket)

    def rejoin(self, ticket: Ticket) -> None:
        """Put a request that was requeued from a rank back into the line, with its old tag."""
        self._waiting[ticket.request_id] = ticket
        self._length[ticket.tier] += 1
        order = ticket.tier, not ticket.moved, not ticket.sparse, ticket.start_tag
        heapq.heappush(self._heaps[ticket.suspect], (*order, next(self._numbers), ticket))

    def leave(self, request_id: str) -> None:
        """Remove a request from the line; do nothing if it doesn't wait."""
        ticket = self._waiting.pop(request_id, None)
        if ticket is None:
            return
        self._new[ticket.tier].pop(request_id, None)
        self._length[ticket.tier] -= 1
        if not self._length[ticket.tier]:
            self._finish_tags[ticket.tier].clear()
        for heap in self._heaps.values():
            if len(heap) > 2 * len(self._waiting) + _MOST_STALE:
                heap[:] = [place for place in heap if self._waits(place[-1])]
                heapq.heapify(heap)

    def _waits(self, ticket: Ticket) -> bool:
        return self._waiting.get(ticket.request_id) is ticket

    def part(self, ticket: Ticket) -> None:
        """Forget a request that has ended, in the line or at a rank."""
        self.leave(ticket.request_id)
        owner = ticket.tier, ticket.key
        self._open[owner].discard(ticket.request_id)
        if not self._open[owner]:
            del self._open[owner]

    def last_below(self, tier: Tier) -> Ticket | None:
        """Return the request that leaves a full line for one of class `tier`, or None.

        It is the newest of the lowest class below `tier`. A requeued request isn't chosen, for its
        stream has begun.
        """
        for lower in reversed(Tier):
            if lower > tier and self._new[lower]:
                return next(reversed(self._new[lower].values()))
        return None

    def first(self, *, suspects: bool = True) -> Ticket | None:
        """Return the request whose turn it is, maybe without `suspects`; it stays in the line."""
        places = [
            place
            for suspect, heap in self._heaps.items()
            if (suspects or not suspect) and (place := self._first_of(heap)) is not None
        ]
        return min(places)[-1] if places else None

    def _first_of(self, heap: list[_Place]) -> _Place | None:
        while heap and not self._waits(heap[0][-1]):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def serve(self, ticket: Ticket) -> None:
        """Take a request that goes to a rank off the line, and advance its class's virtual time."""
        tier = ticket.tier
        self._virtual_time[tier] = max(self._virtual_time[tier], ticket.start_tag)
        self.leave(ticket.request_id)
