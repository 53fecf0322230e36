"""The arithmetic; an engine that counts is in `tests/system/parity`."""

import torch

from deployments.shard.expert_counter import add_chosen


def test_every_choice_of_every_layer_counts_once() -> None:
    draw = torch.Generator().manual_seed(0)
    tokens, layers, experts, per_token = 50, 3, 16, 4
    scores = torch.rand(2, tokens, layers, experts, generator=draw)
    counts = torch.zeros(layers, experts, dtype=torch.long)
    steps = scores.argsort(dim=-1)[..., :per_token].to(torch.int32)  # as vLLM's capturer has them

    for chosen in steps:
        add_chosen(counts, chosen)

    for layer, counted in enumerate(counts.tolist()):
        assert counted == [int((steps[:, :, layer] == expert).sum()) for expert in range(experts)]
    assert counts.sum(dim=1).tolist() == [2 * tokens * per_token] * layers
