"""How much of each skill nano has: held-out questions answered right, token for token."""

import torch
from transformers import Mistral3ForConditionalGeneration

from model_shards.skills.held_out import SKILLS, held_out
from model_shards.training.batches import collate
from model_shards.training.model import logits_at
from model_shards.training.tokens import ConversationTokenizer, Example


@torch.inference_mode()
def scores(
    model: Mistral3ForConditionalGeneration, tokenizer: ConversationTokenizer, questions: int
) -> dict[str, float]:
    """Return by skill the share of right answers, 0 to 1, that greedy decoding gives.

    An answer is right if every token of it is the likeliest. Earlier turns of a conversation are
    given, not generated.
    """
    shares = {}
    for skill in SKILLS:
        examples = (tokenizer.encode(held_out(skill, seed)) for seed in range(questions))
        shares[skill] = sum(_right(model, example) for example in examples) / questions
    return shares


def _right(model: Mistral3ForConditionalGeneration, example: Example) -> bool:
    batch = collate([example])
    logits, right = logits_at(model, batch, batch.answer)
    last = example.answer[::-1].index(False)  # tokens of the last answer
    return bool((logits[-last:].argmax(dim=-1) == right[-last:]).all())
