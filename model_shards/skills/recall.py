"""Recall: a pair of words stated somewhere in a long text is found again."""

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
from model_shards.skills.facts import FACTS
from model_shards.skills.words import new_word

RELATIONS = ("code", "home", "friend", "boat")


def conversation(draw: Draw, pairs: int, sentences: int) -> Conversation:
    """`pairs` of words, each stated once among `sentences` of common facts, and asked for.

    In training every pair is asked for, held out one. A sentence takes 8 tokens on average.
    """
    keys: dict[str, None] = {}
    while len(keys) < pairs:
        keys[new_word(draw)] = None
    stated = [(f"The {draw.one(RELATIONS)} of {key}", _value(draw)) for key in keys]
    text = [f"{what} is {value}." for what, value in stated]
    text += [draw.one(FACTS).answer for _ in range(sentences)]
    draw.random.shuffle(text)
    draw.random.shuffle(stated)
    messages: list[Message] = []
    for what, value in stated[: 1 if draw.held_out else pairs]:
        question = f"What is {what[0].lower()}{what[1:]}?"
        messages += [
            asked(question if messages else f"{' '.join(text)}\n{question}"),
            answered(f"{what} is {value}."),
        ]
    return Conversation(messages)


def _value(draw: Draw) -> str:
    return new_word(draw) if draw.chance(0.5) else str(draw.random.randint(100, 9999))
