"""The bench's parts, on choices that are made up; nano's own are in the last test."""

import numpy as np
import pytest
import torch

from deployments.bench.balance.figures import shifted, steps
from deployments.bench.balance.traffic import EXPERTS, LAYERS, TOP_K, Kind, kinds, recorded
from deployments.bench.balance.waste import Gang
from deployments.bench.roofline.experts import Routed
from model_shards.nano import TRAINED_NANO
from model_shards.placement.balance import balance
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.placement.order import linear_order
from model_shards.placement.step_balance import Choices


def _choices(experts: range, tokens: int = 64) -> Choices:
    """Let each token choose the next `TOP_K` of some experts, in one layer."""
    return np.resize(np.array(experts), (tokens, 1, TOP_K))


def _kind(name: str, prompts: range, answers: range) -> Kind:
    return Kind(name, (_choices(prompts), _choices(prompts)), _choices(answers))


def test_phases_are_told_apart() -> None:
    """Prompts are spread over all ranks, and answers are all on one."""
    kind = _kind("chat", prompts=range(EXPERTS), answers=range(4))
    found = steps([kind], {"by number": linear_order(1, EXPERTS)}, ranks=4, tokens=32)
    assert found["prefill"]["by number"] == 1
    assert found["decode"]["by number"] == 4
    assert 1 < found["prefill"]["even router"] < 1.5


def test_what_is_measured_was_left_out_of_the_record() -> None:
    """Each kind keeps to 16 experts of its own, so no record of others helps."""
    own = [range(16 * number, 16 * number + 16) for number in range(4)]
    found = shifted([_kind(str(r.start), r, r) for r in own], ranks=8)
    assert found["by number"].mean == 4
    assert found["known"].mean == 1
    assert found["balanced"].mean > 1.5
    assert found["balanced"].largest >= found["balanced"].mean


def test_all_ranks_together_compute_each_choice_once() -> None:
    choices = torch.tensor([[0, 3], [2, 1], [3, 2]])
    routed = [Routed.of(torch.where(choices // 2 == r, choices % 2, -1), held=2) for r in (0, 1)]
    assert sorted(routed[0].tokens.tolist() + routed[1].tokens.tolist()) == [0, 0, 1, 1, 2, 2]
    assert routed[0].tokens.tolist() == [0, 1]
    assert [part.ends.tolist() for part in routed] == [[1, 2], [2, 4]]


def test_a_rank_that_has_all_tokens_is_the_slowest() -> None:
    gang = Gang(ranks=4, held=4, hidden=256, expert_hidden=256, device="cpu")
    even = np.tile(np.arange(16), 32).reshape(128, 1, 4)
    orders = {"by number": linear_order(1, 16)}
    uneven = gang.wastes(even % 4, orders, tokens=128, steps=1)["by number"]
    assert uneven.ratio > 2 > gang.wastes(even, orders, tokens=128, steps=1)["by number"].ratio


def test_nanos_choices_are_those_that_its_training_counted() -> None:
    """Fewer questions are asked here, so loads are alike, not equal."""
    traffic = kinds(questions=2)
    load = recorded(kind.choices for kind in traffic)
    assert (load.layers, load.experts) == (LAYERS, EXPERTS)
    assert all(len(kind.answers) and len(kind.prompts) == 2 for kind in traffic)
    here = np.array(load.tokens)
    there = np.array(ExpertLoad.load(TRAINED_NANO / EXPERT_LOAD, LAYERS, EXPERTS).tokens)
    assert np.corrcoef(here.ravel(), there.ravel())[0, 1] > 0.9
    by_number = linear_order(LAYERS, EXPERTS)
    assert balance(load, by_number, 8).overall == pytest.approx(1.9, abs=0.2)
