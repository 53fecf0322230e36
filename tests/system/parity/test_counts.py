"""How often each expert is chosen: the engine's own count against transformers' routers."""

import pytest
import torch

from model_shards.architecture import Architecture
from tests.system.parity.generation import Generation, Outcome
from tests.system.parity.reference import Reference

_FIRST_WAVE = 6


@pytest.fixture(params=["one_rank", "two_ranks"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    chosen: Outcome = request.getfixturevalue(request.param)
    return chosen


def computed(generation: Generation) -> list[int]:
    """Return all tokens but the last, which nothing follows."""
    return [*generation.prompt, *generation.output][:-1]


def test_ranks_together_count_what_the_reference_chooses(
    outcome: Outcome, reference: Reference
) -> None:
    expected = sum(
        reference.chosen(computed(generation), generation.picture_size)
        for generation in outcome.generations[:_FIRST_WAVE]
    )
    counted = sum(torch.tensor(rank.chosen) for rank in outcome.counted)
    assert torch.equal(torch.as_tensor(counted), torch.as_tensor(expected))


def test_each_rank_counts_its_own_requests_only(
    two_ranks: Outcome, architecture: Architecture
) -> None:
    first = two_ranks.generations[:_FIRST_WAVE]
    busy = sum(len(computed(generation)) for generation in first)
    tokens = [rank.tokens for rank in two_ranks.counted]
    assert min(tokens) > 0
    assert sum(tokens) == busy
    for rank in two_ranks.counted:
        of_layers = [sum(layer) for layer in rank.chosen]
        per_token = architecture.moe.num_experts_per_tok
        assert of_layers == [rank.tokens * per_token] * architecture.n_layers
