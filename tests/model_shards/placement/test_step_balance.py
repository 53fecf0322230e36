import numpy as np
import pytest

from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.step_balance import (
    ranks_of,
    sampled_choices,
    step_balance,
    uniform_load,
)

ORDER = ((0, 1, 2, 3),)


def _choices(*experts: int) -> np.ndarray:
    return np.array(experts).reshape(-1, 1, 1)


def test_each_step_waits_for_its_own_busiest_rank() -> None:
    """In total both ranks have two tokens; in each step one of them has both."""
    choices = _choices(0, 1, 2, 3)
    assert step_balance(choices, ORDER, 2, step_tokens=4) == 1
    assert step_balance(choices, ORDER, 2, step_tokens=2) == 2


def test_steps_are_averaged() -> None:
    assert step_balance(_choices(0, 1, 0, 2), ORDER, 2, step_tokens=2) == (2 + 1) / 2


def test_layers_busiest_ranks_add_up() -> None:
    choices = np.array([[[0], [2]], [[1], [0]]])  # layer 0: both on rank 0; layer 1: one each
    assert step_balance(choices, ORDER * 2, 2, step_tokens=2) == 1.5


def test_a_last_step_that_is_not_full_is_left_out() -> None:
    assert step_balance(_choices(0, 2, 3), ORDER, 2, step_tokens=2) == 1


def test_an_order_says_which_rank_computes_an_expert() -> None:
    chosen = np.array([[0, 3], [1, 2]])
    assert ranks_of(chosen, (3, 0, 2, 1), 2).tolist() == [[0, 0], [1, 1]]


def test_tokens_take_turns_among_copies() -> None:
    ranks = ranks_of(np.zeros((3000, 1), int), (0, 1, 0, 2, 0, 3), 3)
    assert np.bincount(ranks[:, 0]) == pytest.approx([1000, 1000, 1000], rel=0.02)


def test_drawn_tokens_choose_different_experts_as_often_as_recorded() -> None:
    counts = (600, 300, 50, 30, 10, 9, 1, 0)
    chosen = sampled_choices(ExpertLoad(tokens=(counts,)), top_k=1, tokens=20_000)
    assert np.bincount(chosen.ravel(), minlength=8) / 20 == pytest.approx(counts, abs=12)
    several = sampled_choices(ExpertLoad(tokens=((9, 8, 7, 6, 5, 5),)), top_k=4, tokens=500)
    assert all(len(set(row)) == 4 for row in several[:, 0].tolist())


@pytest.mark.parametrize(("tokens", "expected"), [(32, 1.36), (128, 1.18)])
def test_an_even_router_leaves_small_steps_uneven(tokens: int, expected: float) -> None:
    """With 128 experts, 4 of them a token, and 8 ranks."""
    choices = sampled_choices(ExpertLoad(tokens=((1,) * 128,) * 4), top_k=4)
    order = (tuple(range(128)),) * 4
    assert step_balance(choices, order, 8, tokens) == pytest.approx(expected, abs=0.02)


def test_a_layer_that_nothing_was_counted_in_is_even() -> None:
    load = ExpertLoad(tokens=((0, 0, 0, 0), (9, 0, 0, 0)))
    chosen = sampled_choices(load, top_k=1, tokens=4000)
    assert np.bincount(chosen[:, 0, 0]) == pytest.approx([1000] * 4, rel=0.1)
    assert set(chosen[:, 1, 0].tolist()) == {0}
    assert uniform_load(load).tokens == ((1,) * 4,) * 2
