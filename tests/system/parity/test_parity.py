"""The engine on one rank and on two, against each other and against transformers."""

import pytest

from model_shards.architecture import Architecture
from tests.system.parity.agreement import BFLOAT16_MEAN, FLOAT32_LARGEST, differences
from tests.system.parity.generation import Outcome
from tests.system.parity.reference import Reference

_HALVES = [list(range(64)), list(range(64, 128))]


@pytest.fixture(params=["one_rank", "two_ranks"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    chosen: Outcome = request.getfixturevalue(request.param)
    return chosen


def test_one_rank_holds_every_expert(one_rank: Outcome, architecture: Architecture) -> None:
    (layers,) = one_rank.held_experts
    assert [layer.weights for layer in layers] == [128] * architecture.n_layers


@pytest.mark.parametrize("engine", ["two_ranks", "two_ranks_bfloat16"])
def test_each_of_two_ranks_holds_its_half_of_the_experts(
    engine: str, request: pytest.FixtureRequest, architecture: Architecture
) -> None:
    ranks = request.getfixturevalue(engine).held_experts
    for layers, half in zip(ranks, _HALVES, strict=True):
        assert [layer.ids for layer in layers] == [half] * architecture.n_layers
        assert [layer.weights for layer in layers] == [64] * architecture.n_layers


def test_two_ranks_answer_with_the_tokens_of_one(one_rank: Outcome, two_ranks: Outcome) -> None:
    alone, together = one_rank.generations, two_ranks.generations
    assert [generation.prompt for generation in together] == [
        generation.prompt for generation in alone
    ]
    assert [generation.output for generation in together] == [
        generation.output for generation in alone
    ]


def test_logprobs_are_those_of_the_reference(outcome: Outcome, reference: Reference) -> None:
    found = differences(reference, outcome.generations)
    assert found.max().item() < FLOAT32_LARGEST


def test_every_place_of_every_sequence_is_compared(outcome: Outcome) -> None:
    for generation in outcome.generations:
        tokens = generation.prompt + generation.output
        assert len(generation.logprobs) == len(tokens) - 1
        for token, at in zip(tokens[1:], generation.logprobs, strict=True):
            assert token in at


def test_greedy_tokens_are_the_likeliest_of_the_reference(
    outcome: Outcome, reference: Reference
) -> None:
    for generation in outcome.generations:
        after_prompt = len(generation.prompt) - 1
        tokens = generation.prompt + generation.output
        expected = reference.logprobs(tokens, generation.picture_size)[after_prompt:]
        assert generation.output == expected.argmax(dim=-1).tolist()


def test_bfloat16_is_near_the_reference_on_average(
    two_ranks_bfloat16: Outcome, reference: Reference
) -> None:
    found = differences(reference, two_ranks_bfloat16.generations)
    assert found.mean().item() < BFLOAT16_MEAN
