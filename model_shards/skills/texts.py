"""The texts of all skills without the words to copy: a vocabulary should have their words."""

import json
from collections.abc import Iterator

from model_shards.skills import chat, forms, recall, sums, vision
from model_shards.skills.facts import FACTS
from model_shards.skills.tool_set import TOOLS
from model_shards.skills.tools import NO_TOOL


def texts() -> Iterator[str]:
    """Yield every wording, for a fact also as it follows an opener; `{…}` is filled in later."""
    for effort in ("none", "high"):
        yield json.dumps({"reasoning_effort": effort})
    yield from (*chat.OPENERS, *chat.CLOSERS, *chat.SYSTEMS)
    for fact in FACTS:
        yield from (f"This is about {fact.topic}.", f" {fact.answer}", *fact.wordings)
        yield from (f" {wording}" for wording in fact.wordings)  # after an opener
    yield json.dumps([tool.schema() for tool in TOOLS])
    for tool in TOOLS:
        yield from (*tool.requests, tool.told)
    yield from (NO_TOOL, *sums.WORDINGS, sums.worked(0, 0))
    yield from (*vision.ASK_COLOUR, *vision.ASK_SHAPE)
    yield from (f"It is {colour}." for colour in vision.COLOURS)
    yield from (f"It is a {shape}." for shape in vision.SHAPES)
    yield from (state.format("name", '"L"') for state in forms.STATES)
    yield from (*forms.STATES, *forms.STATES_FLAG.values(), *forms.WORDINGS)
    yield from (json.dumps({"name": value, "city": value}) for value in ("L", 2, True, False))
    yield from (f"What is the {relation} of {{key}}?" for relation in recall.RELATIONS)
