"""Recall: a pair of words stated somewhere in a long text is found again."""

from dataclasses import dataclass

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
from model_shards.skills.facts import FACTS
from model_shards.skills.words import new_word


@dataclass(frozen=True, slots=True)
class _Relation:
    statement: str
    question: str

    def stated(self, key: str, value: str) -> str:
        return self.statement.format(key=key, value=value)


_RELATIONS = (
    _Relation("The code of {key} is {value}.", "What is the code of {key}?"),
    _Relation("{key} lives in {value}.", "Where does {key} live?"),
    _Relation("The friend of {key} is {value}.", "Who is the friend of {key}?"),
    _Relation("{key} has a boat named {value}.", "What is the name of {key}'s boat?"),
)


def conversation(draw: Draw, pairs: int, sentences: int) -> Conversation:
    """`pairs` of words, each stated once among `sentences` of common facts, and asked for.

    In training every pair is asked for, held out one. A sentence takes 15 tokens on average.
    """
    keys: dict[str, None] = {}
    while len(keys) < pairs:
        keys[new_word(draw)] = None
    stated = [(draw.one(_RELATIONS), key, _value(draw)) for key in keys]
    text = [relation.stated(key, value) for relation, key, value in stated]
    text += [draw.one(FACTS).answer for _ in range(sentences)]
    draw.random.shuffle(text)
    draw.random.shuffle(stated)
    messages: list[Message] = []
    for relation, key, value in stated[: 1 if draw.held_out else pairs]:
        question = relation.question.format(key=key)
        messages += [
            asked(question if messages else f"{' '.join(text)}\n{question}"),
            answered(relation.stated(key, value)),
        ]
    return Conversation(messages)


def _value(draw: Draw) -> str:
    return new_word(draw) if draw.chance(0.5) else str(draw.random.randint(100, 9999))
