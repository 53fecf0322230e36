"""What a client got of a stream, and how it differs from what it should have been."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Difference(StrEnum):
    """How an answer differs from the right one."""

    DOUBLED = "doubled"  # tokens too many
    LOST = "lost"  # tokens too few
    OTHER = "other"


@dataclass(slots=True)
class Choice:
    """One choice of an answer, put together from its chunks."""

    text: str = ""
    reasoning: str = ""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    calls: dict[int, list[str]] = field(default_factory=dict)  # [name, arguments] by index
    finish_reason: str | None = None

    def add(self, part: dict[str, Any]) -> None:
        """Take this choice's part of a chunk, of a chat or of a completion."""
        self.finish_reason = part["finish_reason"] or self.finish_reason
        self.tokens += part.get("token_ids") or []
        self.logprobs += (part.get("logprobs") or {}).get("token_logprobs") or []
        self.text += part.get("text") or ""
        delta = part.get("delta") or {}
        self.text += delta.get("content") or ""
        self.reasoning += delta.get("reasoning") or ""
        for call in delta.get("tool_calls") or []:
            pieces = self.calls.setdefault(call["index"], ["", ""])
            pieces[0] += call["function"].get("name") or ""
            pieces[1] += call["function"].get("arguments") or ""


@dataclass(slots=True)
class Answer:
    """All choices of an answer, and the usage that its last chunk tells."""

    choices: dict[int, Choice] = field(default_factory=dict)
    completion_tokens: int | None = None

    @property
    def complete(self) -> bool:
        """Whether each choice has ended, and usage was told after them."""
        ended = all(choice.finish_reason is not None for choice in self.choices.values())
        return bool(self.choices) and ended and self.completion_tokens is not None

    def add(self, chunk: dict[str, Any]) -> bool:
        """Take a chunk of a stream; return True if it brings tokens."""
        brings = False
        for part in chunk["choices"]:
            choice = self.choices.setdefault(part["index"], Choice())
            brings |= bool(part.get("token_ids"))
            choice.add(part)
        if (usage := chunk.get("usage")) is not None:
            self.completion_tokens = usage["completion_tokens"]
        return brings


def difference(got: Answer, right: Answer) -> Difference | None:
    """Compare a complete answer with the right one, byte for byte; None if they are equal."""
    if got == right:
        return None
    kinds = {
        kind
        for index in right.choices.keys() & got.choices.keys()
        if (kind := _of_tokens(got.choices[index].tokens, right.choices[index].tokens))
    }
    return kinds.pop() if len(kinds) == 1 else Difference.OTHER


def _of_tokens(got: list[int], right: list[int]) -> Difference | None:
    """Tell whether one list is the other with a run of tokens put in or taken out."""
    if got == right:
        return None
    longer, shorter = (got, right) if len(got) > len(right) else (right, got)
    head = _common(longer, shorter)
    tail = _common(longer[head:][::-1], shorter[head:][::-1])
    if len(longer) == len(shorter) or head + tail < len(shorter):
        return Difference.OTHER
    return Difference.DOUBLED if longer is got else Difference.LOST


def _common(one: list[int], other: list[int]) -> int:
    """Return how many tokens two lists have in common at their beginning."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
