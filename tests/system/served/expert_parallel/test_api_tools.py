"""Tools: a call, where one comes, is valid; what was called goes back into the prompt."""

import json
from typing import Any

import openai
import pytest

from tests.system.served.expert_parallel.asking import QUESTION, TOOLS, chat
from tests.system.served.expert_parallel.leaning import to_calls

NAMED = {"type": "function", "function": {"name": "tides"}}


def ask(client: openai.OpenAI, **options: Any) -> Any:
    """Send a request to a model that is biased towards calls."""
    asked = {"tools": TOOLS, "max_tokens": 60, "parallel_tool_calls": False}
    return chat(client, **asked, logit_bias=to_calls(), **options)


def check(name: str, arguments: str) -> None:
    called = json.loads(arguments)
    if name == "weather":
        assert called.keys() == {"city", "days"}
        assert called["city"] in ("Oslo", "Bergen")
        assert called["days"] in (1, 7)
    else:
        assert name == "tides"
        assert called.keys() == {"port"}
        assert len(called["port"]) <= 6


@pytest.mark.parametrize("choice", ["required", "auto", NAMED], ids=["required", "auto", "named"])
def test_a_call_is_valid(client: openai.OpenAI, choice: Any) -> None:
    answer = ask(client, tool_choice=choice).choices[0]
    (call,) = answer.message.tool_calls
    check(call.function.name, call.function.arguments)
    assert (call.type, len(call.id)) == ("function", 9)
    assert answer.finish_reason == ("stop" if choice == NAMED else "tool_calls")
    assert choice != NAMED or call.function.name == "tides"
    assert not answer.message.content


def test_a_streamed_call_is_the_same(client: openai.OpenAI) -> None:
    (whole,) = ask(client, tool_choice="required").choices[0].message.tool_calls
    chunks = [chunk.choices[0] for chunk in ask(client, tool_choice="required", stream=True)]
    parts = [part for chunk in chunks for part in chunk.delta.tool_calls or ()]
    assert {part.index for part in parts} == {0}
    assert [part.function.name for part in parts if part.function.name] == [whole.function.name]
    arguments = "".join(part.function.arguments or "" for part in parts)
    assert arguments.strip() == whole.function.arguments
    assert chunks[-1].finish_reason == "tool_calls"


def test_no_call_comes_where_none_may(client: openai.OpenAI) -> None:
    message = ask(client, tool_choice="none", n=1).choices[0].message
    assert not message.tool_calls
    assert message.content
    assert "[TOOL_CALLS]" not in message.content


def test_several_calls_come_at_once_if_allowed(client: openai.OpenAI) -> None:
    answer = chat(
        client,
        tools=TOOLS,
        tool_choice="required",
        max_tokens=90,
        logit_bias=to_calls(),
    )
    *whole, last = answer.choices[0].message.tool_calls
    assert whole
    for call in whole:  # the last may be cut short
        check(call.function.name, call.function.arguments)
    assert len({call.id for call in [*whole, last]}) == len(whole) + 1


def test_tools_calls_and_results_are_part_of_the_prompt(client: openai.OpenAI) -> None:
    call = {
        "id": "abcdefghi",
        "type": "function",
        "function": {"name": "tides", "arguments": '{"port": "Oslo"}'},
    }
    turns = [
        *QUESTION,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "High at noon."},
    ]
    without, offered, called = (
        chat(client, max_tokens=1, **asked).usage.prompt_tokens
        for asked in ({}, {"tools": TOOLS}, {"tools": TOOLS, "messages": turns})
    )
    assert without < offered < called
