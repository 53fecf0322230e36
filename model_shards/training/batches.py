"""What nano sees in training: a mixture of skills, cut into batches of like lengths."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from model_shards.skills import chat, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw
from model_shards.training.tokens import ConversationTokenizer, Example

_POOL = 384
_SKILLS: dict[str, Callable[[Draw], Conversation]] = {
    "chat": chat.conversation,
    "sums": sums.conversation,
    "tools": tools.conversation,
    "vision": vision.conversation,
}
_SHARES = {"chat": 25, "sums": 20, "tools": 25, "vision": 15, "recall": 15}
_LONGEST_RECALL = 112  # pairs: about 2,150 tokens
_SHORTEST_RECALL = 3
_RECALL_QUESTIONS = 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and marks of answers, both (conversations, longest); images in order of `ids`."""

    ids: torch.Tensor
    answer: torch.Tensor
    images: list[torch.Tensor]


def batches(
    tokenizer: ConversationTokenizer, seed: int, number: int, tokens: int, progress: float
) -> list[Batch]:
    """Pool `number` of the training data: some hundred conversations, `tokens` to a batch at most.

    Texts to recall from grow with `progress`, 0 to 1, until half the way.
    """
    draw = Draw(random.Random(f"{seed}/{number}"), held_out=False)  # noqa: S311
    longest = _SHORTEST_RECALL + (_LONGEST_RECALL - _SHORTEST_RECALL) * min(1, 0.1 + 2 * progress)
    pool = [tokenizer.encode(_conversation(draw, longest)) for _ in range(_POOL)]
    cut = [collate(group) for group in _groups(pool, tokens)]
    draw.random.shuffle(cut)
    return cut


def collate(examples: list[Example]) -> Batch:
    """Pads at the end, where causal attention doesn't look."""
    shape = len(examples), max(len(example.ids) for example in examples)
    ids, answer = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        answer[row, : len(example.ids)] = torch.tensor(example.answer)
    return Batch(ids, answer, [image for example in examples for image in example.images])


def _conversation(draw: Draw, longest_recall: float) -> Conversation:
    skill = draw.random.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    if skill == "recall":
        pairs = _SHORTEST_RECALL * (longest_recall / _SHORTEST_RECALL) ** draw.random.random()
        return recall.conversation(draw, round(pairs), _RECALL_QUESTIONS)
    return _SKILLS[skill](draw)


def _groups(pool: list[Example], tokens: int) -> Iterator[list[Example]]:
    group: list[Example] = []
    for example in sorted(pool, key=lambda example: len(example.ids)):
        if group and (len(group) + 1) * len(example.ids) > tokens:
            yield group
            group = []
        group.append(example)
    yield group
