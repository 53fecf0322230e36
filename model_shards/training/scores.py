"""How much of each skill nano has: held-out questions answered right, word for word."""

import random

import torch
from transformers import Mistral3ForConditionalGeneration

from model_shards.skills import chat, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw
from model_shards.training.batches import collate
from model_shards.training.model import answer_logits
from model_shards.training.tokens import ConversationTokenizer, Example

_RECALL_PAIRS = 104  # about 2,000 tokens


def held_out(skill: str, seed: int) -> Conversation:
    """A question of the held-out split; its right answer is the last turn."""
    draw = Draw(random.Random(f"{skill}/{seed}"), held_out=True)  # noqa: S311
    return {
        "chat": lambda: chat.conversation(draw),
        "tools": lambda: tools.conversation(draw),
        "reasoning": lambda: sums.conversation(draw, "high"),
        "sums at once": lambda: sums.conversation(draw, "none"),
        "vision": lambda: vision.conversation(draw),
        "recall": lambda: recall.conversation(draw, _RECALL_PAIRS, 1),
    }[skill]()


SKILLS = ("chat", "tools", "reasoning", "sums at once", "vision", "recall")


@torch.inference_mode()
def scores(
    model: Mistral3ForConditionalGeneration, tokenizer: ConversationTokenizer, questions: int
) -> dict[str, float]:
    """Share of answers, 0 to 1, of which every token is the likeliest: what greedy decoding gives.

    Earlier turns of a conversation are given, not generated.
    """
    found = {}
    for skill in SKILLS:
        examples = (tokenizer.encode(held_out(skill, seed)) for seed in range(questions))
        found[skill] = sum(_right(model, example) for example in examples) / questions
    return found


def _right(model: Mistral3ForConditionalGeneration, example: Example) -> bool:
    logits, right = answer_logits(model, collate([example]))
    last = example.answer[::-1].index(False)  # tokens of the last answer
    return bool((logits[-last:].argmax(dim=-1) == right[-last:]).all())
