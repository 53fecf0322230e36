"""The data that nano is trained on: a mixture of skills, cut into batches of like lengths."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from model_shards.skills import chat, forms, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw
from model_shards.training.tokens import ConversationTokenizer, Example

_POOL = 384
# Shares of conversations. Tools, images and recall need most; a chat is short, and soon learned.
_SHARES = {"chat": 12, "sums": 28, "tools": 16, "vision": 30, "recall": 14, "forms": 12}
_THOUGHT = 0.5  # of conversations about sums
_RECALL_PAIRS = 2, 8
_SHORTEST_RECALL, _LONGEST_RECALL = 4, 240  # sentences: up to about 2,050 tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """Some conversations: tensors are (conversations, longest), images are in order of `ids`."""

    ids: torch.Tensor
    answer: torch.Tensor  # which tokens are an assistant's
    given: torch.Tensor  # which are anybody else's; padding is neither
    images: list[torch.Tensor]


def batches(
    tokenizer: ConversationTokenizer, seed: int, number: int, tokens: int, progress: float
) -> list[Batch]:
    """Draw pool `number` of the training data, some hundred conversations.

    A batch has at most `tokens`, unless one conversation is longer. Texts to recall from grow with
    `progress`, 0 to 1, until nearly half the way.
    """
    draw = Draw(random.Random(f"{seed}/{number}"), held_out=False)  # noqa: S311
    longest = _SHORTEST_RECALL + (_LONGEST_RECALL - _SHORTEST_RECALL) * min(1, 0.1 + 2 * progress)
    pool = [tokenizer.encode(_conversation(draw, longest)) for _ in range(_POOL)]
    cut = [collate(group) for group in _groups(pool, tokens)]
    draw.random.shuffle(cut)
    return cut


def collate(examples: list[Example]) -> Batch:
    """Join examples into a batch; padding is at the end, where causal attention doesn't look."""
    shape = len(examples), max(len(example.ids) for example in examples)
    ids = torch.zeros(shape, dtype=torch.long)
    answer, given = torch.zeros(2, *shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        marks = torch.tensor(example.answer)
        ids[row, : len(marks)] = torch.tensor(example.ids)
        answer[row, : len(marks)] = marks
        given[row, : len(marks)] = ~marks
    return Batch(ids, answer, given, [image for example in examples for image in example.images])


def _conversation(draw: Draw, longest_recall: float) -> Conversation:
    skill = draw.random.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    if skill == "recall":
        sentences = _SHORTEST_RECALL * (longest_recall / _SHORTEST_RECALL) ** draw.random.random()
        return recall.conversation(draw, draw.random.randint(*_RECALL_PAIRS), round(sentences))
    if skill == "sums":
        return sums.conversation(draw, "high" if draw.chance(_THOUGHT) else "none")
    drawn: dict[str, Callable[[Draw], Conversation]] = {
        "chat": chat.conversation,
        "tools": tools.conversation,
        "vision": vision.conversation,
        "forms": forms.conversation,
    }
    return drawn[skill](draw)


def _groups(pool: list[Example], tokens: int) -> Iterator[list[Example]]:
    group: list[Example] = []
    for example in sorted(pool, key=lambda example: len(example.ids)):
        if group and (len(group) + 1) * len(example.ids) > tokens:
            yield group
            group = []
        group.append(example)
    yield group
