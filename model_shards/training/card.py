"""nano's model card, written by the training that made it."""

from dataclasses import dataclass
from pathlib import Path
from string import Template

import torch

_TEMPLATE = Path(__file__).with_name("card.md")
_QUESTIONS = {
    "chat": "about small4 or a common fact, in a wording that training never had",
    "tools": "with two to four tools: call one, tell its result, or answer without; words are new",
    "reasoning": "a sum of two numbers below 50, worked digit by digit; new in either order",
    "sums at once": "such a sum with `reasoning_effort: none`",
    "vision": "the colour or the shape in an image of 28 to 224 pixels each way; the image is new",
    "recall": "one of four pairs of words, stated somewhere in 2,000 tokens; words are new",
    "forms": "JSON of up to three fields that a text states; words and the order of fields are new",
}


@dataclass(frozen=True, slots=True)
class Card:
    """The contents of a model card.

    Facts are for the template, scores are shares from 0 to 1 by skill, and `load` is tokens per
    expert, (layers, experts).
    """

    facts: dict[str, str]
    scores: dict[str, float]
    load: torch.Tensor

    def text(self) -> str:
        """Return the card in Markdown."""
        scores = (
            f"| {skill} | {share:.1%} | {_QUESTIONS[skill]} |"
            for skill, share in self.scores.items()
        )
        load = (_row(layer, load.double()) for layer, load in enumerate(self.load))
        return Template(_TEMPLATE.read_text("utf-8")).substitute(
            self.facts, scores="\n".join(scores), load="\n".join(load)
        )


def _row(layer: int, load: torch.Tensor) -> str:
    relative = load / load.mean()
    busiest = load.topk(8).values.sum() / load.sum()
    return f"| {layer} | {relative.max():.1f} | {busiest:.0%} | {(relative < 0.1).sum()} |"
