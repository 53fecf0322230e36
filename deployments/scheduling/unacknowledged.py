"""Requests and aborts that were sent to a rank and that its reports don't know of yet."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.ticket import Ticket
from deployments.wire.load import Load


class Output(Protocol):
    """The part of vLLM's EngineCoreOutput that is used: a request's share of one engine step."""

    @property
    def request_id(self) -> str: ...

    @property
    def new_token_ids(self) -> Sequence[int]: ...

    @property
    def finished(self) -> bool: ...


@dataclass(slots=True)
class _Abort:
    wire_id: str
    ticket: Ticket
    started: bool
    finished: bool = False  # before the rank heard of the abort


class Unacknowledged:
    """Keeps a rank's load right between the rank's reports.

    A rank hears messages in the order in which they are sent, so the number of messages that it has
    heard tells which ones it hasn't.
    """

    def __init__(self, rank: RankLoad) -> None:
        self._rank = rank
        self._sent = 0
        self._unheard: deque[Ticket | _Abort] = deque()

    def add(self, tickets: Iterable[Ticket]) -> None:
        """Note requests that were sent; the rank's load counts them already."""
        for ticket in tickets:
            self._send(ticket)

    def abort(self, wire_id: str, ticket: Ticket, *, started: bool) -> None:
        """Free a request's place at once, also in reports from before the rank hears the abort."""
        self._rank.release(ticket, started)
        self._send(_Abort(wire_id, ticket, started))

    def _send(self, message: Ticket | _Abort) -> None:
        self._sent += 1
        self._unheard.append(message)

    def hear(self, outputs: Iterable[Output]) -> None:
        """Note what a step's outputs say of aborted requests.

        Call it before the step's `report`, which counts no request that has finished.
        """
        aborts = {
            message.wire_id: message for message in self._unheard if isinstance(message, _Abort)
        }
        for output in outputs:
            if (abort := aborts.get(output.request_id)) is not None:
                abort.started |= bool(output.new_token_ids)
                abort.finished |= output.finished

    def report(self, load: Load) -> None:
        """Take the rank's own numbers, and count on top the messages that it hasn't heard yet."""
        while self._sent - len(self._unheard) < load.heard:
            self._unheard.popleft()
        self._rank.report(
            load.requests, load.prefill_tokens, load.promised_tokens, load.answer_tokens
        )
        for message in self._unheard:
            if isinstance(message, Ticket):
                self._rank.take(message)
            elif not message.finished:
                self._rank.release(message.ticket, message.started)
