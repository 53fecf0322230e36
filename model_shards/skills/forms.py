"""Forms: JSON of a schema, filled in from what a text states."""

import json
from collections.abc import Iterable
from typing import Any

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
from model_shards.skills.vision import COLOURS, SHAPES
from model_shards.skills.words import new_word

# Words that the other skills use too: the vocabulary has no room for many others.
WORDS = ("name", "city", "friend", "song", "device", "word", "language", "symbol")
NUMBERS = ("number", "price", "code")
CHOICES = {"colour": tuple(COLOURS), "shape": SHAPES}
FLAGS = ("open", "new", "full", "old", "dark")
FIELDS = (*WORDS, *NUMBERS, *CHOICES, *FLAGS)
STATES = ("The {} is {}.", "{}: {}.")
STATES_FLAG = {True: "{}: yes.", False: "{}: no."}
WORDINGS = ("Give me {} as JSON.", "Write {} as JSON.", "Name {} in JSON.", "Tell me {} in JSON.")
_MOST_FIELDS, _MOST_BESIDE, _MOST_TURNS = 3, 2, 4
Value = str | int | bool


def conversation(draw: Draw) -> Conversation:
    """Draw a text that states values, and a request for JSON of some; in training several."""
    count = 1 if draw.held_out else draw.random.randint(1, _MOST_TURNS)
    forms = [_form(draw) for _ in range(count)]
    turns: list[Message] = []
    for form in forms:
        turns += [asked(_question(draw, form)), answered(json.dumps(form))]
    return Conversation(turns, schema=schema(forms[-1]))


def schema(fields: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of an object with these fields, in this order."""
    fields = tuple(fields)
    return {
        "type": "object",
        "properties": {field: _kind(field) for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


def _kind(field: str) -> dict[str, Any]:
    if field in CHOICES:
        return {"type": "string", "enum": list(CHOICES[field])}
    if field in NUMBERS:
        return {"type": "integer"}
    return {"type": "boolean" if field in FLAGS else "string"}


def _form(draw: Draw) -> dict[str, Value]:
    """Draw a form whose fields, in their order, are of this split."""
    count = draw.random.randint(1, _MOST_FIELDS)
    fields = draw.of(lambda random: random.sample(FIELDS, count))
    return {field: _value(draw, field) for field in fields}


def _question(draw: Draw, form: dict[str, Value]) -> str:
    """State the values in any order, among others that aren't asked for."""
    others = [field for field in FIELDS if field not in form]
    beside = draw.random.sample(others, draw.random.randint(0, _MOST_BESIDE))
    state = draw.one(STATES)
    stated = [
        _stated(state, field, value)
        for field, value in (form | {field: _value(draw, field) for field in beside}).items()
    ]
    draw.random.shuffle(stated)
    *first, last = form
    names = f"{', '.join(first)} and {last}" if first else last
    return f"{' '.join(stated)} {draw.one(WORDINGS).format(names)}"


def _stated(state: str, field: str, value: Value) -> str:
    if isinstance(value, bool):
        return STATES_FLAG[value].format(field)
    # Words are in quotes, so that they are the same tokens as in the form.
    return state.format(field, json.dumps(value))


def _value(draw: Draw, field: str) -> Value:
    if field in FLAGS:
        return draw.chance(0.5)
    if field in CHOICES:
        return draw.one(CHOICES[field])
    if field in NUMBERS:
        return draw.of(lambda random: random.randint(2, 999))
    return new_word(draw)
