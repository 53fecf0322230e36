"""Recall: a pair of words stated somewhere in a long text is found again."""

from dataclasses import dataclass

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
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


def conversation(draw: Draw, pairs: int, questions: int) -> Conversation:
    """A text of `pairs` statements (15 tokens each), and `questions` about some of them."""
    keys: dict[str, None] = {}
    while len(keys) < pairs:
        keys[new_word(draw)] = None
    facts = [(draw.one(_RELATIONS), key, _value(draw)) for key in keys]
    text = " ".join(relation.stated(key, value) for relation, key, value in facts)
    messages: list[Message] = []
    for relation, key, value in draw.random.sample(facts, min(questions, pairs)):
        question = relation.question.format(key=key)
        messages += [
            asked(question if messages else f"{text}\n{question}"),
            answered(relation.stated(key, value)),
        ]
    return Conversation(messages)


def _value(draw: Draw) -> str:
    return new_word(draw) if draw.chance(0.5) else str(draw.random.randint(100, 9999))
