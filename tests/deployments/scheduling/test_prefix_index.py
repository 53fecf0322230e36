"""Which rank has which part of a prompt, compared with sets of blocks for each rank."""

from hypothesis import given
from hypothesis import strategies as st

from configs.tier import Tier
from deployments.scheduling.prefix_index import PrefixIndex
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.routing import least_loaded_rank
from deployments.scheduling.ticket import Ticket
from deployments.wire.cache_change import CacheChange

RANKS = 5
BLOCKS = st.lists(st.integers(0, 7), max_size=6)
CHANGES = st.lists(st.tuples(st.integers(0, RANKS - 1), st.booleans(), BLOCKS, BLOCKS), max_size=20)
TICKET = Ticket("r", Tier.STANDARD, "", prompt_tokens=100, max_tokens=10)
LIMITS = Limits(sequences=100, prefill_tokens=1000, kv_tokens=10_000)


def rank_of(bit: int, **work: int) -> RankLoad:
    return RankLoad(str(bit), LIMITS, bit, **work)  # type: ignore[arg-type]


@given(CHANGES, st.permutations(range(8)))
def test_each_rank_has_a_prompt_up_to_the_first_block_it_lacks(
    changes: list[tuple[int, bool, list[int], list[int]]], prompt: list[int]
) -> None:
    index, held = PrefixIndex(), [set[int]() for _ in range(RANKS)]
    for rank, cleared, stored, removed in changes:
        index.change(1 << rank, CacheChange(cleared, stored, removed))
        held[rank] = ((set() if cleared else held[rank]) | {*stored}) - {*removed}
    prefixes = index.cached(prompt, block_tokens=16)
    for rank in range(RANKS):
        lacking = (place for place, block in enumerate(prompt) if block not in held[rank])
        expected = 16 * next(lacking, len(prompt))
        assert sum(tokens for tokens, ranks in prefixes if ranks >> rank & 1) == expected
    lengths = [tokens for tokens, _ in prefixes]
    assert lengths == sorted({*lengths}, reverse=True)


@given(CHANGES)
def test_a_lost_rank_leaves_nothing(
    changes: list[tuple[int, bool, list[int], list[int]]],
) -> None:
    index = PrefixIndex()
    for rank, cleared, stored, removed in changes:
        index.change(1 << rank, CacheChange(cleared, stored, removed))
    for rank in range(RANKS):
        index.forget(1 << rank)
    assert len(index) == 0


def chosen(*ranks: RankLoad, cached: list[tuple[int, int]]) -> tuple[str, int]:
    picked = least_loaded_rank(TICKET, ranks, cached)
    assert picked is not None
    return picked[0].replica, picked[1]


def test_a_cached_prefix_is_worth_the_work_that_it_saves() -> None:
    cached = [(64, 0b01)]
    assert chosen(rank_of(1), rank_of(2), cached=cached) == ("1", 64)
    assert chosen(rank_of(1, prefill_tokens=60), rank_of(2), cached=cached) == ("1", 64)
    assert chosen(rank_of(1, prefill_tokens=70), rank_of(2), cached=cached) == ("2", 0)


def test_a_prefix_that_all_share_draws_no_crowd() -> None:
    assert chosen(rank_of(1, sequences=9), rank_of(2), cached=[(64, 0b01)]) == ("2", 0)


def test_the_longer_of_two_prefixes_counts() -> None:
    assert chosen(rank_of(1), rank_of(2), cached=[(64, 0b10), (32, 0b01)]) == ("2", 64)
