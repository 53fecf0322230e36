"""Who is next: classes in order of priority, and in a class each key its share of tokens."""

import heapq
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum


class Tier(IntEnum):
    """Priority classes; whoever waits in one goes before everybody in the next."""

    INTERACTIVE = 0
    STANDARD = 1
    BATCH = 2


@dataclass(slots=True, eq=False)
class Ticket:
    """One waiting request. `turn` is set when it joins the line, `cached_tokens` when it leaves."""

    request_id: str
    tier: Tier
    key: str
    prompt_tokens: int
    max_tokens: int  # of the answer
    weight: float = 1.0
    blocks: tuple[int, ...] = ()  # hashes of the prompt's
    turn: float = field(default=0.0, init=False)
    cached_tokens: int = field(default=0, init=False)  # of the prompt, at the rank it goes to

    @property
    def prefill_tokens(self) -> int:
        """What that rank has to compute of the prompt."""
        return self.prompt_tokens - self.cached_tokens


class WaitingLine:
    """Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) within each class.

    A key's requests take turns spaced by their prompt tokens over its weight, so a key that sends
    a thousand at once is served as fast as it deserves, and one that sends a single request finds
    its turn among the next.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Ticket] = {}
        self._heap: list[tuple[Tier, float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._now = dict.fromkeys(Tier, 0.0)  # the latest turn taken
        self._next_turn: dict[Tier, dict[str, float]] = defaultdict(dict)
        self._length = dict.fromkeys(Tier, 0)

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, ticket: Ticket) -> None:
        turns = self._next_turn[ticket.tier]
        ticket.turn = max(self._now[ticket.tier], turns.get(ticket.key, 0.0))
        turns[ticket.key] = ticket.turn + max(1, ticket.prompt_tokens) / ticket.weight
        self.rejoin(ticket)

    def rejoin(self, ticket: Ticket) -> None:
        """Back to the turn it had: it was called back from a rank."""
        self._waiting[ticket.request_id] = ticket
        self._length[ticket.tier] += 1
        heapq.heappush(self._heap, (ticket.tier, ticket.turn, next(self._numbers), ticket))

    def leave(self, request_id: str) -> bool:
        """True if it was waiting."""
        ticket = self._waiting.pop(request_id, None)
        if ticket is None:
            return False
        self._length[ticket.tier] -= 1
        if not self._length[ticket.tier]:
            self._next_turn[ticket.tier].clear()
        return True

    def first(self) -> Ticket | None:
        """Whose turn it is; stays in the line."""
        while self._heap:
            ticket = self._heap[0][-1]
            if self._waiting.get(ticket.request_id) is ticket:
                return ticket
            heapq.heappop(self._heap)
        return None

    def serve(self, ticket: Ticket) -> None:
        """It goes to a rank."""
        self._now[ticket.tier] = max(self._now[ticket.tier], ticket.turn)
        self.leave(ticket.request_id)
