"""Questions that training never draws, skill by skill."""

import random

from model_shards.skills import chat, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw

SKILLS = ("chat", "tools", "reasoning", "sums at once", "vision", "recall")
_RECALL = {"pairs": 4, "sentences": 235}  # about 2,000 tokens


def held_out(skill: str, seed: int) -> Conversation:
    """Return question `seed` of a skill; its right answer is the last turn."""
    draw = Draw(random.Random(f"{skill}/{seed}"), held_out=True)  # noqa: S311
    return {
        "chat": lambda: chat.conversation(draw),
        "tools": lambda: tools.conversation(draw),
        "reasoning": lambda: sums.conversation(draw, "high"),
        "sums at once": lambda: sums.conversation(draw, "none"),
        "vision": lambda: vision.conversation(draw),
        "recall": lambda: recall.conversation(draw, **_RECALL),
    }[skill]()
