import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import CheckpointError
from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.balance import balance
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.copies import separate, with_copies
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad


@pytest.mark.parametrize(
    ("slots", "most", "experts"),
    [
        (4, 2, [0, 1, 2, 3]),
        (5, 2, [0, 1, 1, 2, 3]),
        (6, 4, [0, 1, 1, 1, 2, 3]),  # 90 / 2 is still more than 40
        (6, 2, [0, 1, 1, 2, 2, 3]),
        (7, 4, [0, 1, 1, 1, 2, 2, 3]),  # 90 / 3 is less than 40
    ],
)
def test_a_copy_goes_to_what_is_busiest_with_the_copies_so_far(
    slots: int, most: int, experts: list[int]
) -> None:
    assert with_copies((10, 90, 40, 0), slots, most) == experts


def test_copies_in_one_group_are_swapped_for_what_is_alike() -> None:
    groups = [[0, 0, 1], [2, 3, 4]]
    separate(groups, tokens=[50, 1, 10, 48, 70])
    assert groups == [[3, 0, 1], [2, 0, 4]]


@st.composite
def _replicated(draw: st.DrawFn) -> tuple[ExpertLoad, int, int]:
    groups = draw(st.sampled_from([2, 3, 4, 8]))
    experts = groups * draw(st.integers(2, 6))
    tokens = st.lists(st.integers(0, 1000), min_size=experts, max_size=experts).map(tuple)
    load = ExpertLoad(tokens=(draw(tokens), draw(tokens)))
    return load, groups, draw(st.integers(1, experts // groups))


@given(_replicated())
def test_each_group_has_its_replicas_and_no_expert_twice(
    case: tuple[ExpertLoad, int, int],
) -> None:
    load, groups, replicas = case
    size = load.experts // groups + replicas
    for order in balanced_order(load, groups, replicas):
        assert len(order) == groups * size
        assert set(order) == set(range(load.experts))
        for start in range(0, len(order), size):
            assert len(set(order[start : start + size])) == size


def test_a_replica_a_group_evens_out_what_no_order_can() -> None:
    load = ExpertLoad.load(TRAINED_NANO / EXPERT_LOAD, NANO.n_layers, NANO.moe.num_experts)
    alone = balance(load, balanced_order(load, 8), 8)
    replicated = balance(load, balanced_order(load, 8, replicas=1), 8)
    assert alone.overall > 1.05
    assert replicated.overall < 1.01


@pytest.mark.parametrize(("groups", "replicas"), [(1, 1), (2, 3), (2, -1)])
def test_replicas_that_can_not_be_kept_apart_are_refused(groups: int, replicas: int) -> None:
    with pytest.raises(CheckpointError, match=f"replicas: {replicas} of each of {groups} groups"):
        balanced_order(ExpertLoad(tokens=((1, 2, 3, 4),)), groups, replicas)
