"""Turns a trained model into a checkpoint with scores, model card and expert load."""

from pathlib import Path

import torch

from model_shards.nano import NANO, write_nano
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.skills.held_out import SKILLS, held_out
from model_shards.training.card import Card
from model_shards.training.expert_load import expert_load
from model_shards.training.loop import Training
from model_shards.training.scores import scores
from model_shards.training.tokens import ConversationTokenizer
from model_shards.transformers_weights import from_transformers

_LOAD_QUESTIONS = 50


def publish(
    out: Path, training: Training, tokenizer: ConversationTokenizer, questions: int, machine: str
) -> Card:
    """Write the weights as bfloat16 to `out`, with their scores on `questions` of each skill."""
    weights = {name: weight.bfloat16() for name, weight in training.model.state_dict().items()}
    training.model.load_state_dict(weights)  # what is asked is what is written
    asked = (held_out(skill, seed) for skill in SKILLS for seed in range(_LOAD_QUESTIONS))
    card = Card(
        facts=_facts(training, weights) | {"questions": str(questions), "machine": machine},
        scores=scores(training.model, tokenizer, questions),
        load=expert_load(training.model, map(tokenizer.encode, asked)),
    )
    write_nano(out, from_transformers(NANO, weights))
    ExpertLoad.model_validate({"tokens": card.load.tolist()}).write(out / EXPERT_LOAD)
    (out / "README.md").write_text(card.text(), "utf-8")
    return card


def _facts(training: Training, weights: dict[str, torch.Tensor]) -> dict[str, str]:
    parameters = sum(weight.numel() for weight in weights.values())
    experts = sum(w.numel() for name, w in weights.items() if ".mlp.experts." in name)
    idle = experts * (1 - NANO.moe.num_experts_per_tok / NANO.moe.num_experts)
    recipe, position = training.recipe, training.position
    return {
        "parameters": f"{parameters / 1e6:.1f}M",
        "active": f"{(parameters - idle) / 1e6:.1f}M",
        "tokens": f"{position.tokens:,}",
        "batches": f"{position.batches:,}",
        "batch_tokens": f"{recipe.batch_tokens:,}",
        "seed": str(recipe.seed),
        "learning_rate": f"{recipe.learning_rate:g}",
        "minutes": f"{position.minutes:.0f}",
    }
