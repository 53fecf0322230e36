"""What nano sees in training: a mixture of skills, cut into batches of like lengths."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from model_shards.skills import chat, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw
from model_shards.training.tokens import ConversationTokenizer, Example

_POOL = 384


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Shares of skills, and in them of what is harder than the rest."""

    skills: dict[str, int]
    thought: float
    no_tool: float


_FIRST = _Mixture(
    {"chat": 15, "sums": 28, "tools": 22, "vision": 20, "recall": 15}, thought=0.6, no_tool=0.2
)
# What comes late needs what came first, and then practice. Images cost few tokens.
_THEN = _Mixture(
    {"chat": 8, "sums": 28, "tools": 28, "vision": 18, "recall": 18}, thought=0.35, no_tool=0.4
)
_LAST = _Mixture(
    {"chat": 5, "sums": 22, "tools": 28, "vision": 30, "recall": 15}, thought=0.5, no_tool=0.4
)
_THEN_FROM, _LAST_FROM = 0.45, 0.73  # of the training
_RECALL_PAIRS = 2, 8
_SHORTEST_RECALL, _LONGEST_RECALL = 4, 135  # sentences: up to about 2,150 tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids`, `answer` and `given` are (conversations, longest); images are in order of `ids`."""

    ids: torch.Tensor
    answer: torch.Tensor  # which tokens are an assistant's
    given: torch.Tensor  # which are anybody else's; neither is padding
    images: list[torch.Tensor]


def batches(
    tokenizer: ConversationTokenizer, seed: int, number: int, tokens: int, progress: float
) -> list[Batch]:
    """Pool `number` of the training data: some hundred conversations, `tokens` to a batch at most.

    Texts to recall from grow with `progress`, 0 to 1, until half the way.
    """
    draw = Draw(random.Random(f"{seed}/{number}"), held_out=False)  # noqa: S311
    mixture = _FIRST if progress < _THEN_FROM else _THEN if progress < _LAST_FROM else _LAST
    longest = _SHORTEST_RECALL + (_LONGEST_RECALL - _SHORTEST_RECALL) * min(1, 0.1 + 2 * progress)
    pool = [tokenizer.encode(_conversation(draw, mixture, longest)) for _ in range(_POOL)]
    cut = [collate(group) for group in _groups(pool, tokens)]
    draw.random.shuffle(cut)
    return cut


def collate(examples: list[Example]) -> Batch:
    """Pads at the end, where causal attention doesn't look."""
    shape = len(examples), max(len(example.ids) for example in examples)
    ids = torch.zeros(shape, dtype=torch.long)
    answer, given = torch.zeros(2, *shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        marks = torch.tensor(example.answer)
        ids[row, : len(marks)] = torch.tensor(example.ids)
        answer[row, : len(marks)] = marks
        given[row, : len(marks)] = ~marks
    return Batch(ids, answer, given, [image for example in examples for image in example.images])


def _conversation(draw: Draw, mixture: _Mixture, longest_recall: float) -> Conversation:
    skill = draw.random.choices(tuple(mixture.skills), tuple(mixture.skills.values()))[0]
    if skill == "recall":
        sentences = _SHORTEST_RECALL * (longest_recall / _SHORTEST_RECALL) ** draw.random.random()
        return recall.conversation(draw, draw.random.randint(*_RECALL_PAIRS), round(sentences))
    if skill == "sums":
        return sums.conversation(draw, "high" if draw.chance(mixture.thought) else "none")
    if skill == "tools":
        return tools.conversation(draw, no_tool=mixture.no_tool)
    return chat.conversation(draw) if skill == "chat" else vision.conversation(draw)


def _groups(pool: list[Example], tokens: int) -> Iterator[list[Example]]:
    group: list[Example] = []
    for example in sorted(pool, key=lambda example: len(example.ids)):
        if group and (len(group) + 1) * len(example.ids) > tokens:
            yield group
            group = []
        group.append(example)
    yield group
