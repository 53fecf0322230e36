"""What clients really send, in every API: text, forms, calls, efforts, pictures, headers."""

import base64
import http.client
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from tests.system.served.deployed import MODEL, Deployed
from tests.system.served.expert_parallel.asking import QUESTION, TOOLS, about, chat
from tests.system.served.expert_parallel.leaning import to_calls

TEXT = "naïve 東京 👩‍🚀 ☔ <s>[ARGS]"
ENUM = {"type": "json_schema", "name": "a", "schema": {"type": "string", "enum": [TEXT]}}
OK = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,  # noise would make up others
}
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]


def by_chat(client: openai.OpenAI, *, stream: bool, **held: Any) -> str:
    body = {"structured_outputs": held, "skip_special_tokens": False}
    answer = chat(client, max_tokens=60, stream=stream, extra_body=body)
    if not stream:
        text: str = answer.choices[0].message.content
        return text
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer)


def by_completions(client: openai.OpenAI, *, stream: bool, **held: Any) -> str:
    body = {"structured_outputs": held, "skip_special_tokens": False}
    answer: Any = client.completions.create(
        model=MODEL, prompt="Say:", max_tokens=60, temperature=0, stream=stream, extra_body=body
    )
    if not stream:
        return str(answer.choices[0].text)
    return "".join(chunk.choices[0].text for chunk in answer)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("by", [by_chat, by_completions])
@pytest.mark.parametrize(
    "held", [{"choice": [TEXT]}, {"regex": "naïve 東京 👩‍🚀 ☔ <s>\\[ARGS\\]"}]
)
def test_no_character_is_lost(
    client: openai.OpenAI, by: Callable[..., str], held: dict[str, Any], stream: bool
) -> None:
    assert by(client, stream=stream, **held) == TEXT


def test_no_character_of_a_response_is_lost(client: openai.OpenAI) -> None:
    given: Any = {"model": MODEL, "input": "Say it.", "text": {"format": ENUM}}
    assert json.loads(client.responses.create(**given).output_text) == TEXT
    with client.responses.stream(**given) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert json.loads("".join(deltas)) == TEXT


def test_json_ends(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Noise would write blanks for ever where a grammar lets it."""
    schema = {"name": "answer", "schema": OK}
    form: Any = {"type": "json_schema", "json_schema": schema}
    chosen = chat(client, messages=HELLO, response_format=form, max_tokens=40).choices[0]
    held: Any = {"format": {"type": "json_schema", "name": "answer", "schema": OK}}
    response = client.responses.create(
        model=MODEL, input="Say hello.", text=held, max_output_tokens=40, temperature=0
    )
    message: Any = claude.messages.create(
        model=MODEL,
        messages=HELLO,
        max_tokens=40,
        extra_body={
            "output_config": {"format": {"type": "json_schema", "schema": OK}},
            "temperature": 0,  # the client has no such argument
        },
    )
    completion = client.completions.create(
        model=MODEL,
        prompt="Hello",
        max_tokens=40,
        temperature=0,
        extra_body={"response_format": form},
    )
    assert chosen.finish_reason == "stop"
    texts = (
        chosen.message.content,
        response.output_text,
        message.content[0].text,
        completion.choices[0].text,
    )
    for text in texts:
        assert json.loads(text) in ({"ok": True}, {"ok": False})


def test_a_call_is_one_where_there_are_stop_strings(client: openai.OpenAI) -> None:
    asked = {"tools": TOOLS, "tool_choice": "required", "max_tokens": 60}
    asked |= {"parallel_tool_calls": False, "logit_bias": to_calls()}
    (whole,) = chat(client, **asked).choices[0].message.tool_calls
    (stopped,) = chat(client, **asked, stop=["\n\n"]).choices[0].message.tool_calls
    chunks = list(chat(client, **asked, stop=["\n\n"], stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    parts = [part.function for delta in deltas for part in delta.tool_calls or ()]
    streamed = "".join(part.arguments or "" for part in parts)
    assert stopped.function == whole.function
    assert streamed == whole.function.arguments
    assert not [delta.content for delta in deltas if delta.content]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_a_call_that_is_cut_off_is_none(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    asked = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    whole = chat(client, **asked, max_tokens=60, logit_bias=to_calls())
    tools: Any = [
        {"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]}
        for tool in TOOLS
    ]
    for most in range(3, whole.usage.completion_tokens):
        cut = chat(client, **asked, max_tokens=most, logit_bias=to_calls()).choices[0]
        assert (cut.finish_reason, cut.message.tool_calls or []) == ("length", [])
    message = claude.messages.create(
        model=MODEL, messages=QUESTION, max_tokens=3, tools=tools, tool_choice={"type": "any"}
    )
    assert message.stop_reason == "max_tokens"
    assert not [block for block in message.content if block.type == "tool_use"]


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "xhigh", "max"])
def test_agents_efforts_are_taken(client: openai.OpenAI, effort: Any) -> None:
    told = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=QUESTION, max_tokens=3, reasoning_effort=effort
    ).headers["x-reasoning-effort"]
    assert told == ("none" if effort in ("minimal", "low") else "high")


def test_a_picture_of_16_bits_is_what_it_shows(client: openai.OpenAI) -> None:
    ramp = np.linspace(0, 255, 56 * 28).round().astype(np.uint16).reshape(28, 56)
    deep, plain = Image.fromarray(ramp * 257), Image.fromarray(ramp.astype(np.uint8))

    def logprobs(image: Image.Image) -> list[float]:
        png = io.BytesIO()
        image.save(png, "PNG")
        data = base64.encodebytes(png.getvalue()).decode()  # in lines of 76
        part = {"type": "image_url", "image_url": {"url": f"data:;base64,{data}"}}
        answer = chat(client, messages=about(part), logprobs=True)
        return [token.logprob for token in answer.choices[0].logprobs.content]

    assert logprobs(deep) == logprobs(plain.convert("RGB"))
    assert logprobs(deep) != logprobs(Image.new("RGB", (56, 28), "white"))


def test_usage_tells_what_the_prefix_cache_gave(
    client: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    def by_chat(words: str) -> int:
        asked: Any = [{"role": "user", "content": words * 60}]
        usage = chat(client, messages=asked, max_tokens=1).usage
        cached: int = usage.prompt_tokens_details.cached_tokens
        assert cached < usage.prompt_tokens
        return cached

    def by_messages(words: str) -> int:
        asked: Any = [{"role": "user", "content": words * 60}]
        usage = claude.messages.create(model=MODEL, messages=asked, max_tokens=1).usage
        return usage.cache_read_input_tokens or 0

    for ask, words in ((by_chat, "calm sea, "), (by_messages, "rough sea, ")):
        assert ask(words) < 32
        # A router may not have heard yet of what a rank has cached.
        assert any(ask(words) >= 100 for _ in range(5))


def test_head_is_answered(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.url, trust_env=False) as client:
        for path in ("/v1/models", "/health", "/version"):
            head, got = client.head(path), client.get(path)
            assert (head.status_code, head.content) == (got.status_code, b"")


def test_a_header_in_latin_1_harms_nothing(deployed: Deployed) -> None:
    host = urlsplit(deployed.url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("GET", "/v1/models")
    connection.putheader("X-Request-Id", b"caf\xe9")
    connection.putheader("X-Session-Id", b"caf\xe9")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 200
    assert MODEL in answer.read().decode()
    connection.close()
