"""Scores and expert load of the shipped nano, and of one that never learned."""

import pytest
import torch
from transformers import Mistral3ForConditionalGeneration

from model_shards.nano import NANO, TRAINED_NANO
from model_shards.skills.held_out import SKILLS, held_out
from model_shards.training.expert_load import expert_load
from model_shards.training.model import fresh_model
from model_shards.training.scores import scores
from model_shards.training.tokens import ConversationTokenizer
from model_shards.transformers_weights import to_transformers
from tests.system.parity.reference import load_tensors


@pytest.fixture(scope="module")
def tokenizer() -> ConversationTokenizer:
    return ConversationTokenizer(TRAINED_NANO)


@pytest.fixture(scope="module")
def untrained() -> Mistral3ForConditionalGeneration:
    return fresh_model(NANO, seed=1).eval()


def test_who_learned_nothing_has_no_score(
    untrained: Mistral3ForConditionalGeneration, tokenizer: ConversationTokenizer
) -> None:
    assert scores(untrained, tokenizer, questions=2) == dict.fromkeys(SKILLS, 0.0)


def test_who_learned_has_a_score_in_every_skill(tokenizer: ConversationTokenizer) -> None:
    trained = fresh_model(NANO, seed=1).eval()
    trained.load_state_dict(to_transformers(NANO, load_tensors(TRAINED_NANO)))
    shares = scores(trained, tokenizer, questions=10)
    assert all(share > 0.3 for share in shares.values()), shares


def test_every_token_counts_for_four_experts_of_every_layer(
    untrained: Mistral3ForConditionalGeneration, tokenizer: ConversationTokenizer
) -> None:
    examples = [tokenizer.encode(held_out("chat", seed)) for seed in range(3)]
    load = expert_load(untrained, examples)
    tokens = sum(len(example.ids) for example in examples)
    assert load.sum(dim=1).tolist() == [tokens * NANO.moe.num_experts_per_tok] * NANO.n_layers
    again = expert_load(untrained, examples[:1])
    assert torch.equal(again, expert_load(untrained, examples[:1]))
    assert (again <= load).all()
