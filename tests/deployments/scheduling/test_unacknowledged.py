"""What a router counts at a rank, while requests, aborts, outputs and reports cross on the way."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm.v1.engine import EngineCoreOutput, FinishReason

from configs.tier import Tier
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.unacknowledged import Unacknowledged
from deployments.shard.ledger import Ledger
from deployments.wire.load import Load

R = b"router"


class Rank:
    """The ledger of one rank, a router before it, and what is under way between them."""

    def __init__(self) -> None:
        self.load = RankLoad("a", Limits(sequences=99, prefill_tokens=9999, kv_tokens=9999))
        self.link = Unacknowledged(self.load)
        self.running: dict[str, Ticket] = {}  # as the router knows
        self.started: set[str] = set()
        self.sent: deque[Ticket | str] = deque()
        self.said: deque[tuple[Load, list[EngineCoreOutput]]] = deque()
        # What answers are promised doesn't change, though they end early.
        self.ledger = Ledger(least_answer_tokens=10)
        self.ledger.add(b"another", "other", prompt_tokens=50, max_tokens=10)

    def add(self, name: str, prompt_tokens: int) -> None:
        ticket = Ticket(name, Tier.BATCH, "", prompt_tokens, max_tokens=10)
        self.running[name] = ticket
        self.sent.append(ticket)
        self.load.take(ticket)
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

    def say(self, *outputs: EngineCoreOutput) -> None:
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
            self.say(
                EngineCoreOutput(name, [7], finish_reason=FinishReason.STOP if finish else None)
            )

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
        assert self.load.sequences == 1 + len(tickets)
        waiting = [one.prompt_tokens for one in tickets if one.request_id not in self.started]
        assert self.load.prefill_tokens == 50 + sum(waiting)
        assert self.load.promised_tokens == 60 + sum(one.prompt_tokens + 10 for one in tickets)


def test_a_report_from_before_an_abort_was_heard_counts_the_request_no_more() -> None:
    rank = Rank()
    rank.say()
    rank.listen()
    rank.add("a", 100)
    rank.hear()
    rank.say()
    rank.abort("a")
    rank.require_exact()
    rank.listen()
    rank.require_exact()
    rank.hear()
    rank.say()
    rank.listen()
    rank.require_exact()


@pytest.mark.parametrize("finish", [False, True])
def test_what_a_rank_gave_before_it_heard_of_an_abort_is_not_counted_off_twice(
    finish: bool,
) -> None:
    rank = Rank()
    rank.say()
    rank.listen()
    rank.add("a", 100)
    rank.hear()
    rank.step("a", finish=finish)
    rank.abort("a")
    rank.listen()
    rank.require_exact()
    rank.say()
    rank.hear()
    rank.say()
    for _ in range(2):
        rank.listen()
        rank.require_exact()


def test_what_others_have_to_compute_is_not_taken_for_what_an_aborted_prompt_had_left() -> None:
    rank = Rank()
    rank.add("a", 100)
    rank.hear()
    rank.ledger.begin("a", 9999)
    rank.ledger.prefilled(90)
    rank.say()
    rank.abort("a")
    rank.add("b", 30)
    rank.listen()
    assert rank.load.prefill_tokens == 30  # the other's 50 are hidden, nothing else
    rank.hear()
    rank.hear()
    rank.say()
    rank.listen()
    rank.require_exact()


@given(st.lists(st.tuples(st.sampled_from("axhsfrl"), st.integers(0, 4)), max_size=60))
def test_every_report_leaves_the_count_exact(steps: list[tuple[str, int]]) -> None:
    rank = Rank()
    rank.say()
    rank.listen()
    for number, (step, which) in enumerate(steps):
        mine = sorted(rank.running)
        held = sorted(rank.ledger.of(R))
        match step:
            case "a":
                rank.add(str(number), prompt_tokens=10 + which)
            case "x" if mine:
                rank.abort(mine[which % len(mine)])
            case "h" if rank.sent:
                rank.hear()
            case "s" | "f" if held:
                rank.step(held[which % len(held)], finish=step == "f")
            case "r":
                rank.say()
            case "l" if rank.said:
                rank.listen()
        rank.require_exact()
