"""An answer of the model, from which kinds of calls take the words that they stop at or avoid."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.system.moved.asking import Call, answer
from tests.system.moved.deployment import Clients
from tests.system.moved.mover import Plan


@dataclass(frozen=True)
class Sample:
    """The tokens of the undisturbed answer to the usual question, and the text of each."""

    tokens: list[int]
    texts: list[str]

    def pair(self, first: int) -> str:
        """Return the text of two neighbours, `first` or later, that are words of some length."""
        return next(
            left + right
            for left, right in zip(self.texts[first:], self.texts[first + 1 :], strict=False)
            if left.strip().isalpha() and right.strip().isalpha() and len(left + right) > 6
        )

    def lone(self, first: int) -> int:
        """Return the place of a token, `first` or later, that occurs nowhere before.

        Its text is a word of its own.
        """
        return next(
            place
            for place in range(first, len(self.tokens))
            if self.tokens[place] not in self.tokens[:place] and self.texts[place].strip().isalpha()
        )


async def sample(clients: Clients) -> Sample:
    call = Call(asked={"logprobs": True})
    given: Any = await asyncio.create_task(answer(clients, call, Plan(), stream=False))
    (choice,) = given["choices"]
    return Sample(choice["token_ids"], [token["token"] for token in choice["logprobs"]["content"]])
