import pytest

from model_shards.placement.balance import balance, changes
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import linear_order

LOAD = ExpertLoad(tokens=((30, 10, 0, 0), (5, 5, 5, 5), (0, 0, 0, 0)))


def test_the_busiest_group_is_compared_with_the_mean() -> None:
    linear = balance(LOAD, linear_order(3, 4), 2)
    assert linear.layers == (2.0, 1.0, 1.0)
    assert linear.overall == pytest.approx((40 + 10) / (20 + 10))


def test_all_ranks_wait_in_every_layer_for_its_busiest() -> None:
    load = ExpertLoad(tokens=((30, 10), (10, 30)))
    assert balance(load, linear_order(2, 2), 2).overall == 1.5


def test_one_group_is_even() -> None:
    assert balance(LOAD, linear_order(3, 4), 1).layers == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("groups", "sizes"), [(1, []), (2, [2]), (12, [2, 4]), (32, [2, 4, 8, 16, 32]), (25, [])]
)
def test_sizes_are_those_that_the_groups_serve(groups: int, sizes: list[int]) -> None:
    load = ExpertLoad(tokens=(tuple(range(groups * 4)),))
    by_size = changes(load, balanced_order(load, groups), groups, top_k=4)
    assert [change.expert_parallel for change in by_size] == sizes
    assert all(change.ordered.overall <= change.linear.overall for change in by_size)


def test_steps_are_estimated_beside_an_even_router() -> None:
    busy = ExpertLoad(tokens=((1000, 900, 10, 10, 10, 10, 10, 10),))
    (change,) = changes(busy, ((0, 2, 3, 4, 1, 5, 6, 7),), 2, top_k=1)
    for step in change.steps:
        assert 1 <= step.uniform < 1.2
        assert step.ordered < 1.2
        assert step.linear > 1.8
    few, _, many = change.steps
    assert few.ordered > many.ordered
    assert few.uniform > many.uniform
