"""The model card tells what was found."""

import json

import torch

from model_shards.nano import TRAINED_NANO
from model_shards.placement.expert_load import EXPERT_LOAD
from model_shards.skills.held_out import SKILLS
from model_shards.training.card import Card

_FACTS = {
    "parameters": "11M",
    "active": "3M",
    "tokens": "12,000,000",
    "batches": "9,000",
    "batch_tokens": "1,536",
    "seed": "0",
    "minutes": "50",
    "machine": "2 cores",
    "learning_rate": "0.001",
    "questions": "200",
}


def test_a_card_tells_scores_and_load() -> None:
    load = torch.ones(1, 128)
    load[0, :2] = torch.tensor([2.0, 0.0])
    text = Card(_FACTS, {"vision": 0.975}, load).text()
    assert "| vision | 97.5% |" in text
    assert "| 0 | 2.0 | 7% | 1 |" in text
    assert "$" not in text


def test_the_shipped_card_has_every_skill_and_the_shipped_load() -> None:
    card = (TRAINED_NANO / "README.md").read_text("utf-8")
    load = torch.tensor(json.loads((TRAINED_NANO / EXPERT_LOAD).read_text("utf-8"))["tokens"])
    expected = Card(_FACTS, {}, load).text().split("## Expert load")[1]
    assert card.endswith(expected)
    assert all(f"| {skill} | " in card for skill in SKILLS)
