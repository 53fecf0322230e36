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
_TRAINING_CASES: tuple[Case, ...] = (*("result",) * 4, *_CASES)
_RESULTS = ("done", "sunny, 21 degrees", "rain, 8 degrees", "failed", "not found", "tomorrow")


def conversation(draw: Draw, case: Case | None = None) -> Conversation:
    """Some tools, and a request that one, or none, of them serves.

    In training a served request is followed by its result; held out, each turn is a case.
    """
    listed = draw.random.sample(TOOLS, draw.random.randint(2, 4))
    schemas = [tool.schema() for tool in listed]
    case = case or draw.one(_CASES if draw.held_out else _TRAINING_CASES)
    if case == "chat":
        return Conversation(chat.exchange(draw).turns("none"), schemas)
    if case == "no tool":
        request, _ = _request(draw, draw.one(tool for tool in TOOLS if tool not in listed))
        return Conversation([asked(request), answered(NO_TOOL)], schemas)
    tool = draw.one(listed)
    request, arguments = _request(draw, tool)
    messages = [asked(request), _call(draw, tool, arguments)]
    if case == "result":
        result = draw.one((*_RESULTS, new_word(draw), str(draw.random.randint(2, 999))))
        messages += [
            {"role": "tool", "tool_call_id": messages[1]["tool_calls"][0]["id"], "content": result},
            answered(tool.told.format(result=result, **arguments)),
        ]
    return Conversation(messages, schemas)


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
