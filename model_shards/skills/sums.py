"""Reasoning: a sum of two numbers below 100, digit by digit where the effort is high."""

import random

from model_shards.skills.conversation import Conversation, Draw, Effort, Message, answered, asked

_WORDINGS = (
    "What is {} + {}?",
    "What is {} plus {}?",
    "Add {} and {}.",
    "How much is {} + {}?",
    "{} + {} = ?",
    "Calculate {} + {}.",
    "I have {} apples and buy {} more. How many do I have?",
    "What is the sum of {} and {}?",
)
_EFFORTS: tuple[Effort, ...] = ("high", "none")


def conversation(draw: Draw, effort: Effort | None = None) -> Conversation:
    """One to three sums of this split; the held-out ones come alone."""
    chosen = draw.one(_EFFORTS) if effort is None else effort
    messages: list[Message] = []
    for _ in range(1 if draw.held_out else draw.random.randint(1, 3)):
        first, second = draw.of(_operands)
        question = draw.one(_WORDINGS).format(first, second)
        thought = worked(first, second) if chosen == "high" else None
        messages += [asked(question), answered(f"{first} + {second} = {first + second}.", thought)]
    return Conversation(messages, reasoning_effort=chosen)


def worked(first: int, second: int) -> str:
    """The sum as on paper: ones, carry, tens."""
    ones = first % 10 + second % 10
    carry, tens = ones // 10, first // 10 + second // 10
    return (
        f"Ones: {first % 10} + {second % 10} = {ones}, carry {carry}. "
        f"Tens: {first // 10} + {second // 10} + {carry} = {tens + carry}. "
        f"So {first + second}."
    )


def _operands(random: random.Random) -> tuple[int, int]:
    return random.randint(0, 99), random.randint(0, 99)
