"""Recall: a pair of words stated somewhere in a long text is found again."""

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
from model_shards.skills.facts import FACTS
from model_shards.skills.words import new_word

RELATIONS = ("code", "home", "friend", "boat")


def conversation(draw: Draw, pairs: int, sentences: int) -> Conversation:
    """Draw `pairs` of words, state each once among `sentences` of common facts, and ask for them.

    In training every pair is asked for, in a held-out question a single pair. A sentence takes 8
    tokens on average.
    """
    keys: dict[str, None] = {}
    while len(keys) < pairs:
        keys[new_word(draw)] = None
    stated = [(f"The {draw.one(RELATIONS)} of {key}", _value(draw)) for key in keys]
    text = [f"{subject} is {value}." for subject, value in stated]
    text += [draw.one(FACTS).answer for _ in range(sentences)]
    draw.random.shuffle(text)
    draw.random.shuffle(stated)
    messages: list[Message] = []
    for subject, value in stated[: 1 if draw.held_out else pairs]:
        question = f"What is {subject[0].lower()}{subject[1:]}?"
        messages += [
            asked(question if messages else f"{' '.join(text)}\n{question}"),
            answered(f"{subject} is {value}."),
        ]
    return Conversation(messages)


def _value(draw: Draw) -> str:
    return new_word(draw) if draw.chance(0.5) else str(draw.random.randint(100, 9999))
