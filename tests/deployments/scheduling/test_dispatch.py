"""Admission, order and evenness, without ranks."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.tier import Tier
from deployments.scheduling.dispatch import dispatch
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.waiting_line import WaitingLine

LIMITS = Limits(sequences=4, prefill_tokens=100, kv_tokens=400)


def line_of(*prompt_tokens: int, max_tokens: int = 10) -> WaitingLine:
    line = WaitingLine()
    for number, tokens in enumerate(prompt_tokens):
        line.join(Ticket(str(number), Tier.STANDARD, "k", tokens, max_tokens))
    return line


def idle_ranks(count: int = 1, limits: Limits = LIMITS) -> list[RankLoad]:
    return [RankLoad(f"r{number}", limits) for number in range(count)]


def given_to(line: WaitingLine, ranks: list[RankLoad]) -> dict[str, str]:
    handed_out = dispatch(line, ranks, lambda _: ())
    return {ticket.request_id: rank.replica for ticket, rank in handed_out}


@pytest.mark.parametrize(
    ("prompts", "max_tokens", "admitted"),
    [
        ((10, 10, 10, 10, 10), 10, 4),  # sequences
        ((60, 40, 1), 10, 2),  # tokens to prefill
        ((50, 50, 50), 120, 2),  # KV cache
        ((500, 1), 10, 1),  # larger than the budget: alone on an idle rank
    ],
)
def test_a_rank_gets_what_fits_its_budgets(
    prompts: tuple[int, ...], max_tokens: int, admitted: int
) -> None:
    line = line_of(*prompts, max_tokens=max_tokens)
    assert len(given_to(line, idle_ranks())) == admitted
    assert len(line) == len(prompts) - admitted


@pytest.mark.parametrize(
    ("limits", "prompts", "most"),
    [
        (Limits(sequences=4, prefill_tokens=10_000, kv_tokens=10_000, reserve=0.1), [10] * 9, 3),
        (Limits(sequences=100, prefill_tokens=10_000, kv_tokens=1000, reserve=0.5), [90] * 9, 5),
        (Limits(sequences=100, prefill_tokens=300, kv_tokens=10_000), [100] * 9, 3),
    ],
    ids=["sequences", "KV cache", "prefill"],
)
def test_a_keys_only_request_has_room_where_another_keys_many_have_none(
    limits: Limits, prompts: list[int], most: int
) -> None:
    ranks, line = idle_ranks(limits=limits), line_of(*prompts)
    assert len(given_to(line, ranks)) == most
    line.join(Ticket("only", Tier.STANDARD, "another", 90, 10))
    line.join(Ticket("second", Tier.STANDARD, "another", 90, 10))
    assert list(given_to(line, ranks)) == ["only"]


def test_the_first_who_fits_nowhere_is_not_overtaken() -> None:
    (rank,) = idle_ranks()
    rank.take(Ticket("running", Tier.STANDARD, "k", 50, 10))
    line = line_of(400, 1)
    assert given_to(line, [rank]) == {}
    assert len(line) == 2


def test_a_prompt_is_kept_out_by_what_is_before_it_not_by_its_own_length() -> None:
    (rank,) = idle_ranks()
    rank.take(Ticket("running", Tier.STANDARD, "k", 60, 10))
    assert given_to(line_of(90, 1), [rank]) == {"0": rank.replica}


def test_prompts_go_where_the_fewest_tokens_wait() -> None:
    wide = Limits(sequences=10, prefill_tokens=1000, kv_tokens=4000)  # no limit decides here
    assert given_to(line_of(90, 30, 30, 30), idle_ranks(2, wide)) == {
        "0": "r0",
        "1": "r1",
        "2": "r1",
        "3": "r1",
    }


def test_what_others_have_sent_counts() -> None:
    busy, idle = idle_ranks(2)
    busy.sequences, busy.prefill_tokens = 2, 80
    assert given_to(line_of(20, 20), [busy, idle]) == {"0": "r1", "1": "r1"}


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 8))
def test_budgets_hold_on_every_rank(prompts: list[int], count: int) -> None:
    ranks = idle_ranks(count)
    line = line_of(*prompts)
    handed_out = given_to(line, ranks)
    assert len(handed_out) + len(line) == len(prompts)
    for rank in ranks:
        taken = [int(name) for name, replica in handed_out.items() if replica == rank.replica]
        before = rank.prefill_tokens - (prompts[max(taken)] if taken else 0)
        assert rank.sequences <= LIMITS.sequences
        assert before < LIMITS.prefill_tokens
        assert rank.promised_tokens <= LIMITS.kv_tokens or rank.sequences == 1


def test_heavy_tails_are_spread_more_evenly_than_in_turn() -> None:
    draw = random.Random(1)
    prompts = [min(4000, int(draw.paretovariate(1.1) * 50)) for _ in range(64)]
    ranks = idle_ranks(8, Limits(1000, 10**9, 10**9))
    given_to(line_of(*prompts), ranks)
    evenly = max(rank.prefill_tokens for rank in ranks)
    in_turn = max(sum(prompts[first::8]) for first in range(8))
    assert evenly < in_turn


def line_with_suspects(suspects: int, others: int, prompt_tokens: int = 10) -> WaitingLine:
    line = WaitingLine()
    for number in range(suspects + others):
        suspect = number < suspects
        ticket = Ticket(str(number), Tier.STANDARD, "k", prompt_tokens, 10, suspect=suspect)
        line.join(ticket)
    return line


def test_a_rank_takes_one_suspect_at_a_time_and_others_pass_those_that_wait() -> None:
    line, ranks = line_with_suspects(2, others=2), idle_ranks()
    assert list(given_to(line, ranks)) == ["0", "2", "3"]
    ranks[0].on_trial = False
    assert list(given_to(line, ranks)) == ["1"]


def test_nobody_passes_a_suspect_that_waits_for_room() -> None:
    line, ranks = line_with_suspects(1, others=2, prompt_tokens=50), idle_ranks()
    ranks[0].sequences, ranks[0].promised_tokens = 1, 350
    assert given_to(line, ranks) == {}
