"""What a rank has been sent and its reports don't know of yet: requests, and aborts."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vllm.v1.engine import EngineCoreOutput

from deployments.scheduling.rank_load import Room
from deployments.scheduling.waiting_line import Ticket
from deployments.wire.messages import Load


@dataclass(slots=True)
class _Abort:
    wire_id: str
    ticket: Ticket
    started: bool
    finished: bool = False  # before the rank heard of it


class OnTheWay:
    """Keeps a rank's `room` right between its reports.

    A rank hears in order what it is sent, so how much it has heard tells what it hasn't.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sent = 0
        self._unheard: deque[Ticket | _Abort] = deque()

    def add(self, tickets: Iterable[Ticket]) -> None:
        """Requests that the room counts already."""
        for ticket in tickets:
            self._send(ticket)

    def abort(self, wire_id: str, ticket: Ticket, *, started: bool) -> None:
        """Its place is free at once, also in reports from before the rank hears of it."""
        self._room.release(ticket, started)
        self._send(_Abort(wire_id, ticket, started))

    def _send(self, message: Ticket | _Abort) -> None:
        self._sent += 1
        self._unheard.append(message)

    def hear(self, outputs: Iterable[EngineCoreOutput]) -> None:
        """Outputs of a step, before its `report`: one who has finished isn't counted there."""
        aborts = {one.wire_id: one for one in self._unheard if isinstance(one, _Abort)}
        for output in outputs:
            if (abort := aborts.get(output.request_id)) is not None:
                abort.started |= bool(output.new_token_ids)
                abort.finished |= output.finished

    def report(self, load: Load) -> None:
        """The rank's word for all that it has heard of; the rest is counted on top."""
        while self._sent - len(self._unheard) < load.heard:
            self._unheard.popleft()
        self._room.report(
            load.requests, load.prefill_tokens, load.promised_tokens, load.answer_tokens
        )
        for message in self._unheard:
            if isinstance(message, Ticket):
                self._room.take(message)
            elif not message.finished:
                self._room.release(message.ticket, message.started)
