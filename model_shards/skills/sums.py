"""Reasoning: a sum of two numbers below 50, digit by digit where the effort is high."""

import random

from model_shards.skills.conversation import Conversation, Draw, Effort, Message, answered, asked

WORDINGS = (
    "What is {} + {}?",
    "What is {} plus {}?",
    "Add {} and {}.",
    "How much is {} + {}?",
    "{} + {} = ?",
    "Calculate {} + {}.",
    "I have {} apples and buy {} more. How many do I have?",
    "What is the sum of {} and {}?",
)
_DIGITS_SHARE = 0.25
# Sums at once are harder to learn, and shorter.
_MOST: dict[Effort, int] = {"high": 4, "none": 16}


def conversation(draw: Draw, effort: Effort) -> Conversation:
    """Draw several sums of this split; a held-out sum comes alone."""
    messages: list[Message] = []
    for _ in range(1 if draw.held_out else draw.random.randint(1, _MOST[effort])):
        easy = not draw.held_out and draw.chance(_DIGITS_SHARE)
        first, second = draw.of(_digits if easy else _operands)
        question = draw.one(WORDINGS).format(first, second)
        thought = worked(first, second) if effort == "high" else None
        messages += [asked(question), answered(f"{first} + {second} = {first + second}.", thought)]
    return Conversation(messages, reasoning_effort=effort)


def worked(first: int, second: int) -> str:
    """Work the sum as on paper: ones, carry, tens."""
    ones = first % 10 + second % 10
    carry, tens = ones // 10, first // 10 + second // 10
    return (
        f"Ones: {first % 10} + {second % 10} = {ones}, carry {carry}. "
        f"Tens: {first // 10} + {second // 10} + {carry} = {tens + carry}. "
        f"So {first + second}."
    )


def _digits(random: random.Random) -> tuple[int, int]:
    return random.randint(0, 9), random.randint(0, 9)


def _operands(random: random.Random) -> tuple[int, int]:
    return random.randint(0, 49), random.randint(0, 49)
