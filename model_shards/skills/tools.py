"""Tools: the right call with arguments from the request, its result told, or no call at all."""

import json
from typing import Any, Literal

from model_shards.skills import chat
from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked
from model_shards.skills.tool_set import TOOLS, Kind, Tool
from model_shards.skills.words import new_word

NO_TOOL = "I have no tool for that."
Case = Literal["call", "result", "no tool", "chat"]
_CASES: tuple[Case, ...] = ("call", "result", "no tool", "chat")
# In training a call and no call are about as likely: else one would always be the better guess.
_TURNS = 4, 10
_SHARES: dict[Case, float] = {"result": 0.45, "no tool": 0.45, "chat": 0.1}
_RESULTS = ("done", "sunny, 21 degrees", "rain, 8 degrees", "failed", "not found", "tomorrow")


def conversation(draw: Draw, case: Case | None = None) -> Conversation:
    """Draw some tools, and a request that one or none of them serves; in training several."""
    listed = draw.random.sample(TOOLS, draw.random.randint(2, 4))
    schemas = [tool.schema() for tool in listed]
    if case:
        cases = [case]
    elif draw.held_out:
        cases = [draw.one(_CASES)]
    else:
        turns = draw.random.randint(*_TURNS)
        cases = draw.random.choices(tuple(_SHARES), tuple(_SHARES.values()), k=turns)
    return Conversation([turn for each in cases for turn in _turns(draw, listed, each)], schemas)


def _turns(draw: Draw, listed: list[Tool], case: Case) -> list[Message]:
    if case == "chat":
        return chat.exchange(draw).turns("none")
    if case == "no tool":
        request, _ = _request(draw, draw.one(tool for tool in TOOLS if tool not in listed))
        return [asked(request), answered(NO_TOOL)]
    tool = draw.one(listed)
    request, arguments = _request(draw, tool)
    turns = [asked(request), _call(draw, tool, arguments)]
    if case == "call":
        return turns
    result = draw.one((*_RESULTS, new_word(draw), str(draw.random.randint(2, 999))))
    called = turns[-1]["tool_calls"][0]["id"]
    return [
        *turns,
        {"role": "tool", "tool_call_id": called, "content": result},
        answered(tool.told.format(result=result, **arguments)),
    ]


def _request(draw: Draw, tool: Tool) -> tuple[str, dict[str, Any]]:
    arguments = {name: _value(draw, name, kind) for name, kind in tool.parameters.items()}
    return draw.one(tool.requests).format(**arguments), arguments


def _value(draw: Draw, name: str, kind: Kind) -> str | int:
    if kind == "integer":
        largest = 9999 if name == "number" else 99
        number: int = draw.of(lambda random: random.randint(2, largest))
        return number
    words = draw.random.randint(1, 3) if name in ("text", "title") else 1
    return " ".join(new_word(draw) for _ in range(words))


def _call(draw: Draw, tool: Tool, arguments: dict[str, Any]) -> Message:
    function = {"name": tool.name, "arguments": json.dumps(arguments)}
    identity = "".join(draw.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9))
    return {
        "role": "assistant",
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }
