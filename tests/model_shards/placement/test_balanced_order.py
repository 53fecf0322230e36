import math
import random
from itertools import permutations

import pytest
from hypothesis import given

from configs.errors import CheckpointError
from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.balanced_order import balanced_order, heaviest
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.placement.order import linear_order
from tests.model_shards.placement.loads import divisors, loads_and_groups

Case = tuple[ExpertLoad, int]


def bounded(tokens: tuple[int, ...], order: tuple[int, ...], groups: int) -> bool:
    """Tell whether `max <= mean + (1 - 1/groups) * (largest - smallest)`, in integers."""
    spread = max(tokens) - min(tokens)
    return groups * heaviest(tokens, order, groups) <= sum(tokens) + (groups - 1) * spread


@given(loads_and_groups())
def test_each_expert_stands_at_one_position_of_each_layer(case: Case) -> None:
    load, groups = case
    order = balanced_order(load, groups)
    assert [sorted(layer) for layer in order] == [list(range(load.experts))] * load.layers


@given(loads_and_groups())
def test_no_group_exceeds_the_bound(case: Case) -> None:
    load, groups = case
    for tokens, order in zip(load.tokens, balanced_order(load, groups), strict=True):
        assert bounded(tokens, order, groups)


@given(loads_and_groups())
def test_neighbours_together_keep_the_bound_too(case: Case) -> None:
    load, groups = case
    linear = tuple(range(load.experts))
    for tokens, order in zip(load.tokens, balanced_order(load, groups), strict=True):
        assert order == linear or all(bounded(tokens, order, size) for size in halvings(groups))


@given(loads_and_groups())
def test_it_is_never_less_even_than_the_order_by_number(case: Case) -> None:
    load, groups = case
    ordered = balanced_order(load, groups)
    linear = linear_order(load.layers, load.experts)
    for tokens, ours, theirs in zip(load.tokens, ordered, linear, strict=True):
        assert heaviest(tokens, ours, groups) <= heaviest(tokens, theirs, groups)


@given(loads_and_groups())
def test_other_sizes_exceed_the_mean_by_no_more_than_their_groups_together(case: Case) -> None:
    load, groups = case
    for tokens, order in zip(load.tokens, balanced_order(load, groups), strict=True):
        spread = max(tokens) - min(tokens)
        for size in divisors(groups):
            excess = size * heaviest(tokens, order, size) - sum(tokens)
            assert excess <= (groups - 1) * spread


@given(loads_and_groups(max_experts=6))
def test_two_groups_of_few_experts_are_close_to_the_best(case: Case) -> None:
    load, _ = case
    if load.experts % 2:
        return
    for tokens, order in zip(load.tokens, balanced_order(load, 2), strict=True):
        best = min(heaviest(tokens, other, 2) for other in permutations(range(load.experts)))
        assert 3 * heaviest(tokens, order, 2) <= 4 * best


def test_experts_are_swapped_where_the_busiest_first_leaves_a_difference() -> None:
    load = ExpertLoad(tokens=((2, 2, 0, 3, 3, 2),))  # busiest first: 3 + 2 + 2 and 3 + 2 + 0
    assert heaviest(load.tokens[0], balanced_order(load, 2)[0], 2) == 6


def test_a_layer_that_is_more_even_by_number_stays_so() -> None:
    load = ExpertLoad(tokens=((3, 0, 2, 1, 2, 1, 1, 1),))  # halves first: 3 + 1 in one group
    assert balanced_order(load, 4) == linear_order(1, 8)


def test_equal_loads_stand_by_number() -> None:
    load = ExpertLoad(tokens=((5,) * 6,))
    assert balanced_order(load, 3) == balanced_order(load, 3)
    assert balanced_order(load, 1) == linear_order(1, 6)


def test_a_layer_without_tokens_is_no_trouble() -> None:
    assert sorted(balanced_order(ExpertLoad(tokens=((0,) * 8,)), 4)[0]) == list(range(8))


def test_one_busy_expert_stands_with_the_idlest() -> None:
    load = ExpertLoad(tokens=((1, 2, 3, 4, 5, 6, 7, 100),))
    (order,) = balanced_order(load, 2)
    assert {frozenset(order[:4]), frozenset(order[4:])} == {
        frozenset({0, 1, 2, 7}),
        frozenset({3, 4, 5, 6}),
    }


def test_nano_comes_within_six_percent_of_what_its_busiest_experts_allow() -> None:
    load = ExpertLoad.load(TRAINED_NANO / EXPERT_LOAD, NANO.n_layers, NANO.moe.num_experts)
    for tokens, order in zip(load.tokens, balanced_order(load, 32), strict=True):
        by_load = sorted(tokens)
        for size in halvings(32):
            with_the_busiest = by_load[-1] + sum(by_load[: load.experts // size - 1])
            least = max(with_the_busiest, sum(tokens) / size)
            assert heaviest(tokens, order, size) <= 1.06 * least


@pytest.mark.parametrize("groups", [2, 8, 32, 128])
def test_layers_of_the_real_size_meet_the_bound(groups: int) -> None:
    noise = random.Random(groups)
    counts = tuple(int(1e6 * math.exp(1.5 * noise.gauss(0, 1))) for _ in range(128))
    load = ExpertLoad(tokens=(counts, tuple(reversed(counts))))
    for tokens, order in zip(load.tokens, balanced_order(load, groups), strict=True):
        assert all(bounded(tokens, order, size) for size in halvings(groups))


@pytest.mark.parametrize("groups", [-1, 0, 3, 16])
def test_unequal_groups_are_refused(groups: int) -> None:
    with pytest.raises(CheckpointError, match=rf"8 experts can't stand in {groups} equal groups"):
        balanced_order(ExpertLoad(tokens=((1,) * 8,)), groups)


def halvings(groups: int) -> list[int]:
    """Return the sizes that a set of `groups` groups is even at: 12 → 1, 2, 4, 12."""
    sizes, left, factor = [1], groups, 2
    while left > 1:
        if left % factor:
            factor += 1
        else:
            left //= factor
            sizes.append(sizes[-1] * factor)
    return sizes
