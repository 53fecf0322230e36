"""Kinds of calls that take a trained model: it thinks, calls tools, sees, and repeats itself."""

from typing import Any

from tests.system.moved.asking import Call
from tests.system.moved.forms import tool
from tests.system.served.expert_parallel.asking import about, picture

_SUM: dict[str, Any] = {"messages": [{"role": "user", "content": "What is 23 + 18?"}]}
THINKING: dict[str, Any] = {**_SUM, "reasoning_effort": "high", "max_tokens": 70}
_WEATHER = tool("get_weather", {"city": {"type": "string"}})
_TOOLS: dict[str, Any] = {"tools": [_WEATHER], "max_tokens": 60}
_IN_OSLO = [{"role": "user", "content": "What is the weather in Oslo?"}]

SKILLS: dict[str, Call] = {
    "a chat": Call(asked={"messages": [{"role": "user", "content": "What do you serve?"}]}),
    "a sum": Call(asked=THINKING),
    "a sum in form": Call(asked=THINKING, extra={"structured_outputs": {"regex": "The sum: 41!"}}),
    "a sum beside tools": Call(asked={**THINKING, **_TOOLS}),
    "a call": Call(asked={**_TOOLS, "messages": _IN_OSLO}),
    "a call in a message": Call(
        "message",
        {
            "messages": _IN_OSLO,
            "tools": [{"name": "get_weather", "input_schema": _WEATHER["function"]["parameters"]}],
        },
    ),
    "a call in a response": Call(
        "response",
        {"input": _IN_OSLO, "tools": [{"type": "function", **_WEATHER["function"]}]},
    ),
    "an image": Call(asked={"messages": about(picture("red", (112, 112)))}),
    # It asks itself the same sums over and over: the past foretells what comes.
    "a long chat": Call(asked={**_SUM, "max_tokens": 150}, extra={"ignore_eos": True}),
    "log probabilities": Call(
        asked={**_SUM, "max_tokens": 60, "logprobs": True, "top_logprobs": 2},
        extra={"ignore_eos": True},
    ),
    "a stop string": Call(asked={**_SUM, "max_tokens": 150, "stop": "4 + 1"}),
    "penalties": Call(
        asked={**_SUM, "max_tokens": 60, "presence_penalty": 0.5, "frequency_penalty": 0.1},
        extra={"min_tokens": 55, "repetition_penalty": 1.05, "bad_words": ["carry"]},
    ),
    "a form": Call(
        asked={**_SUM, "max_tokens": 60}, extra={"structured_outputs": {"regex": "(ab|ba){25}"}}
    ),
}
DRAWN = Call(asked={**_SUM, "max_tokens": 40, "temperature": 1.0, "seed": 4})
