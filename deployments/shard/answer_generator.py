"""The random numbers of a seeded answer on a CPU, which follow from its seed and its length.

Read from vLLM 0.32, model runner V1.
"""

from collections.abc import Sequence

import torch


class AnswerGenerator(torch.Generator):
    """A generator that has drawn for each token of an answer, which may grow.

    A step that computes only a part of a prompt draws, too, and vLLM drops that token. It then sets
    back the generator's offset. CPUs' generators have no offset: with theirs, each seeded request
    whose prompt takes more than one step would end the engine.
    """

    _answer: Sequence[int]
    _drawn = 0  # for so many tokens, after which the state was `_state`
    _state: torch.Tensor

    @classmethod
    def of(cls, seed: int, answer: Sequence[int]) -> "AnswerGenerator":
        """Make the generator of an answer whose tokens so far are, and will be, in `answer`."""
        generator = cls()
        generator._answer = answer
        generator._state = generator.manual_seed(seed).get_state()
        generator.set_offset(0)
        return generator

    def get_offset(self) -> int:
        """Return nothing of use: vLLM only hands it to `set_offset`."""
        return 0

    def set_offset(self, offset: int) -> torch.Generator:
        """Set the generator to where it has drawn for each token of the answer, and no more."""
        del offset
        self.set_state(self._state)
        draw(self, len(self._answer) - self._drawn)
        self._drawn, self._state = len(self._answer), self.get_state()
        return self


def draw(generator: torch.Generator, tokens: int) -> None:
    """Draw what vLLM's CPU sampler draws for each token: one integer below 2^31."""
    for _ in range(tokens):
        torch.randint(0, 2**31, (1,), generator=generator, dtype=torch.long)
