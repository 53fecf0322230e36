"""Grammars make noise come out in form."""

import json
from typing import Any

import openai
import pytest

from tests.served.expert_parallel.asking import chat

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 10}, "days": {"enum": [1, 7]}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
SHIP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "masts": {"type": "integer", "minimum": 1, "maximum": 5},
        "cargo": {"type": "array", "items": {"enum": ["tea", "tin"]}, "maxItems": 3},
    },
    "required": ["name", "masts", "cargo"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_follows_its_json_schema(client: openai.OpenAI, stream: bool) -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "ship", "schema": SHIP}}
    answer = chat(client, max_tokens=120, response_format=response_format, stream=stream)
    if stream:
        text = "".join(c.delta.content or "" for chunk in answer for c in chunk.choices)
    else:
        text = answer.choices[0].message.content
    ship = json.loads(text)
    assert ship.keys() == {"name", "masts", "cargo"}
    assert ship["masts"] in range(1, 6)
    assert set(ship["cargo"]) <= {"tea", "tin"}


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "weather"}}]
)
def test_a_call_that_must_come_is_valid(client: openai.OpenAI, choice: Any) -> None:
    answer = chat(client, max_tokens=120, tools=[WEATHER], tool_choice=choice).choices[0]
    call = answer.message.tool_calls[0]
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert arguments.keys() == {"city", "days"}
    assert arguments["days"] in (1, 7)


def test_tools_and_their_results_are_part_of_the_prompt(client: openai.OpenAI) -> None:
    bare = chat(client).usage.prompt_tokens
    offered = chat(client, tools=[WEATHER], tool_choice="auto").usage.prompt_tokens
    assert offered > bare
    call = {
        "id": "abcdefghi",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Oslo", "days": 1}'},
    }
    turn = [
        {"role": "user", "content": "Is it cold in Oslo?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "-3 °C"},
    ]
    assert chat(client, messages=turn, tools=[WEATHER]).usage.prompt_tokens > offered
