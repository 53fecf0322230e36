"""What a router counts at a rank, while requests, aborts, outputs and reports cross on the way."""

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.tier import Tier
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.unacknowledged import Unacknowledged
from deployments.shard.ledger import Ledger
from deployments.wire.load import Load

R = b"router"


@dataclass(frozen=True)
class Output:
    """The tokens of one request from one step."""

    request_id: str
    new_token_ids: list[int]
    finished: bool


class Wire:
    """The ledger of one rank, a router that sends to it, and the messages between them."""

    def __init__(self) -> None:
        self.rank = RankLoad("a", Limits(sequences=99, prefill_tokens=9999, kv_tokens=9999))
        self.link = Unacknowledged(self.rank)
        self.running: dict[str, Ticket] = {}  # as the router knows
        self.started: set[str] = set()
        self.sent: deque[Ticket | str] = deque()
        self.said: deque[tuple[Load, list[Output]]] = deque()
        # What is promised to an answer doesn't change, though answers end early.
        self.ledger = Ledger(least_answer_tokens=10)
        self.ledger.add(b"another", "other", prompt_tokens=50, max_tokens=10)

    def add(self, name: str, prompt_tokens: int) -> None:
        ticket = Ticket(name, Tier.BATCH, "", prompt_tokens, max_tokens=10)
        self.running[name] = ticket
        self.sent.append(ticket)
        self.rank.take(ticket)
        self.link.add([ticket])

    def abort(self, name: str) -> None:
        self.sent.append(name)
        self.link.abort(name, self.running.pop(name), started=name in self.started)

    def hear(self) -> None:
        match self.sent.popleft():
            case Ticket() as ticket:
                self.ledger.add(R, ticket.request_id, ticket.prompt_tokens, ticket.max_tokens)
            case name:
                self.ledger.abort(R, [name])

    def say(self, *outputs: Output) -> None:
        ledger = self.ledger
        load = Load(
            requests=len(ledger),
            prefill_tokens=ledger.prefill_tokens,
            promised_tokens=ledger.promised_tokens,
            answer_tokens=ledger.answer_tokens,
            heard=ledger.heard(R),
        )
        self.said.append((load, list(outputs)))

    def step(self, name: str, *, finish: bool) -> None:
        if self.ledger.step(name, 1, finished=finish):
            self.say(Output(name, [7], finish))

    def listen(self) -> None:
        load, outputs = self.said.popleft()
        self.link.hear(outputs)
        self.link.report(load)
        for output in outputs:
            if output.request_id in self.running:
                self.started.add(output.request_id)
                if output.finished:
                    del self.running[output.request_id]

    def require_exact(self) -> None:
        tickets = self.running.values()
        assert self.rank.sequences == 1 + len(tickets)
        waiting = [
            ticket.prompt_tokens for ticket in tickets if ticket.request_id not in self.started
        ]
        assert self.rank.prefill_tokens == 50 + sum(waiting)
        promised = sum(ticket.prompt_tokens + 10 for ticket in tickets)
        assert self.rank.promised_tokens == 60 + promised


def test_a_report_from_before_an_abort_was_heard_counts_the_request_no_more() -> None:
    wire = Wire()
    wire.say()
    wire.listen()
    wire.add("a", 100)
    wire.hear()
    wire.say()
    wire.abort("a")
    wire.require_exact()
    wire.listen()
    wire.require_exact()
    wire.hear()
    wire.say()
    wire.listen()
    wire.require_exact()


@pytest.mark.parametrize("finish", [False, True])
def test_what_a_rank_gave_before_it_heard_of_an_abort_is_not_counted_off_twice(
    finish: bool,
) -> None:
    wire = Wire()
    wire.say()
    wire.listen()
    wire.add("a", 100)
    wire.hear()
    wire.step("a", finish=finish)
    wire.abort("a")
    wire.listen()
    wire.require_exact()
    wire.say()
    wire.hear()
    wire.say()
    for _ in range(2):
        wire.listen()
        wire.require_exact()


def test_what_others_have_to_compute_is_not_taken_for_what_an_aborted_prompt_had_left() -> None:
    wire = Wire()
    wire.add("a", 100)
    wire.hear()
    wire.ledger.begin("a", 9999)
    wire.ledger.prefilled(90)
    wire.say()
    wire.abort("a")
    wire.add("b", 30)
    wire.listen()
    assert wire.rank.prefill_tokens == 30  # the other's 50 are hidden, nothing else
    wire.hear()
    wire.hear()
    wire.say()
    wire.listen()
    wire.require_exact()


@given(st.lists(st.tuples(st.sampled_from("axhsfrl"), st.integers(0, 4)), max_size=60))
def test_every_report_leaves_the_count_exact(steps: list[tuple[str, int]]) -> None:
    wire = Wire()
    wire.say()
    wire.listen()
    for number, (step, which) in enumerate(steps):
        mine = sorted(wire.running)
        held = sorted(wire.ledger.of(R))
        match step:
            case "a":
                wire.add(str(number), prompt_tokens=10 + which)
            case "x" if mine:
                wire.abort(mine[which % len(mine)])
            case "h" if wire.sent:
                wire.hear()
            case "s" | "f" if held:
                wire.step(held[which % len(held)], finish=step == "f")
            case "r":
                wire.say()
            case "l" if wire.said:
                wire.listen()
        wire.require_exact()
