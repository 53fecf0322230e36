"""One example of a skill: a chat in which every assistant turn is the right one."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeVar

Message = dict[str, Any]
Effort = Literal["none", "high"]
_HELD_OUT_ONE_IN = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat in OpenAI's form that ends with an assistant turn; images are `data:` addresses."""

    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)
    reasoning_effort: Effort = "none"

    def question(self) -> dict[str, Any]:
        """Return the request whose answer is the last turn, as keywords of an OpenAI client."""
        request: dict[str, Any] = {"messages": self.messages[:-1]}
        if self.tools:
            request["tools"] = self.tools
        return request | {"reasoning_effort": self.reasoning_effort}


def asked(content: Any) -> Message:
    return {"role": "user", "content": content}


def answered(content: str, thought: str | None = None) -> Message:
    if thought is None:
        return {"role": "assistant", "content": content}
    chunks = [{"type": "thinking", "thinking": thought}, {"type": "text", "text": content}]
    return {"role": "assistant", "content": chunks}


@dataclass(frozen=True, slots=True)
class Draw:
    """Random choices of one split, training or held out; `of` never draws the same for both."""

    random: Random
    held_out: bool

    def of(self, draw: Callable[[Random], T]) -> T:
        """Draw until the outcome, by its text, belongs to this split."""
        while True:
            drawn = draw(self.random)
            if (zlib.crc32(str(drawn).encode()) % _HELD_OUT_ONE_IN == 0) == self.held_out:
                return drawn

    def one(self, choices: Iterable[T]) -> T:
        return self.random.choice(tuple(choices))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability
