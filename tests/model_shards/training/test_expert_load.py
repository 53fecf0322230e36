"""The load that was recorded when nano was trained."""

import torch

from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad


def recorded() -> torch.Tensor:
    path = TRAINED_NANO / EXPERT_LOAD
    return torch.tensor(ExpertLoad.load(path, NANO.n_layers, NANO.moe.num_experts).tokens)


def test_every_token_went_to_four_experts_of_every_layer() -> None:
    load = recorded()
    assert load.shape == (NANO.n_layers, NANO.moe.num_experts)
    (choices,) = set(load.sum(dim=1).tolist())
    assert choices > 0
    assert choices % NANO.moe.num_experts_per_tok == 0


def test_experts_differ_in_popularity() -> None:
    load = recorded().double()
    assert (load.amax(dim=1) > 3 * load.mean(dim=1)).all()
