"""Whatever a client sends wrong is told what to change, and harms nobody else."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from model_shards.nano import NANO
from tests.system.served.deployed import MODEL, Deployed
from tests.system.served.expert_parallel.asking import QUESTION, chat

JSON = {"content-type": "application/json"}


def said(**message: Any) -> dict[str, Any]:
    return {"messages": [message]}


def schema(content: dict[str, Any]) -> dict[str, Any]:
    json_schema = {"name": "x", "schema": content}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CHAT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown model": ({"model": "nope"}, "`nope` does not exist. Valid aliases: mistral-small-4"),
    "long prompt": (said(role="user", content="sea " * 6000), "context length is 4096 tokens"),
    "no messages": ({"messages": []}, "messages is empty: send at least one"),
    "unknown role": (said(role="wizard", content="x"), "one of system, user, assistant, tool"),
    "no content": (said(role="user"), "A message from user has no content"),
    "messages of another type": ({"messages": "hi"}, "should be a valid list"),
    "part of an unknown type": (
        said(role="user", content=[{"type": "file", "file": {"file_id": "x"}}]),
        "'file'",
    ),
    "audio": (
        said(role="user", content=[{"type": "audio_url", "audio_url": {"url": "data:,"}}]),
        "it must be text or image_url",
    ),
    "temperature of another type": ({"temperature": "hot"}, "body.temperature"),
    "negative temperature": ({"temperature": -3}, "temperature must be non-negative"),
    "top_p above 1": ({"top_p": 2}, "top_p must be in (0, 1]"),
    "negative max_tokens": ({"max_tokens": -5}, "max_tokens must be at least 1, got -5"),
    "max_tokens beyond context": ({"max_tokens": 10**9}, "max_model_len=4096"),
    "min_tokens above max_tokens": ({"min_tokens": 50}, "less than or equal to max_tokens=4"),
    "too many answers": ({"n": 17, "temperature": 1}, "n must be at most 16, got 17"),
    "too many messages": ({"messages": QUESTION * 2049}, "2049 messages are more than the 2048"),
    "n of 0": ({"n": 0}, "n must be at least 1"),
    "greedy n": ({"n": 2, "temperature": 0}, "n must be 1 when using greedy sampling"),
    "empty stop": ({"stop": [""]}, "stop cannot contain an empty string"),
    "seed of another type": ({"seed": "abc"}, "body.seed"),
    "too many logprobs": ({"logprobs": True, "top_logprobs": 999}, "max allowed: 20"),
    "usage of no stream": ({"stream_options": {"include_usage": True}}, "when `stream=True`"),
    "reasoning_effort": ({"reasoning_effort": "much"}, "body.reasoning_effort"),
    "schema": (schema({"type": "nonsense"}), "Invalid type: nonsense"),
    "response_format": ({"response_format": {"type": "bogus"}}, "'json_object' or 'json_schema'"),
    "regex": ({"structured_outputs": {"regex": "("}}, "unclosed group"),
    "tool_choice without tools": ({"tool_choice": "required"}, "`tools` must be set"),
    "tool without function": ({"tools": [{"type": "function"}]}, "body.tools.0.function"),
    "choice of an unknown tool": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "does not match any of the specified `tools`",
    ),
    "bias on no token": ({"logit_bias": {"999999": 5}}, f"Vocabulary size: {NANO.vocab_size}"),
}
OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such token": ("/v1/completions", {"prompt": [999999]}, "Token id 999999 is out of"),
    "negative token": ("/v1/completions", {"prompt": [-1]}, "greater than or equal to 0"),
    "empty prompt": ("/v1/completions", {"prompt": ""}, "must be provided and non-empty"),
    "prompt of another type": ("/v1/completions", {"prompt": {"a": 1}}, "body.prompt"),
    "too many prompts": (
        "/v1/completions",
        {"prompt": [[1]] * 65},
        "length 65 exceeds the maximum allowed count of 64",
    ),
    "completion model": ("/v1/completions", {"model": "nope", "prompt": "x"}, "`nope` does not"),
    "input of another type": ("/v1/responses", {"input": 5}, "body.input"),
    "empty input": ("/v1/responses", {"input": []}, "messages is empty"),
    "response model": ("/v1/responses", {"model": "nope", "input": "x"}, "`nope` does not exist"),
    "detokenize no token": ("/detokenize", {"tokens": [999999]}, "Token id 999999 is out of"),
    "tokenize nothing": ("/tokenize", {}, "body.prompt"),
    "tokenize no messages": ("/tokenize", {"messages": []}, "messages is empty"),
    "operators' scaling": (
        "/scale_elastic_ep",
        {"new_data_parallel_size": 1},
        "There is no /scale",
    ),
}
ANTHROPIC: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "unknown model": ({"model": "nope"}, 404, "not_found_error", "`nope` does not exist"),
    "no max_tokens": ({"max_tokens": None}, 400, "invalid_request_error", "body.max_tokens"),
    "negative max_tokens": ({"max_tokens": -2}, 400, "invalid_request_error", "must be positive"),
    "no messages": ({"messages": []}, 400, "invalid_request_error", "messages is empty"),
    "top_p": ({"top_p": 2}, 400, "invalid_request_error", "top_p must be in (0, 1]"),
}


@pytest.fixture
def http(deployed: Deployed) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=deployed.url, timeout=60, trust_env=False) as http:
        yield http


def refused(response: httpx.Response, saying: str) -> None:
    """Check for OpenAI's form, a status of the client's fault, and a message that helps."""
    assert 400 <= response.status_code < 500, response.text
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["code"] == response.status_code
    assert saying in error["message"]


@pytest.mark.parametrize("case", CHAT)
def test_a_chat_request_is_refused(http: httpx.Client, client: openai.OpenAI, case: str) -> None:
    change, saying = CHAT[case]
    request = {"model": MODEL, "messages": QUESTION, "max_tokens": 4, **change}
    refused(http.post("/v1/chat/completions", json=request), saying)
    assert chat(client, max_tokens=1).choices  # the next request is served


@pytest.mark.parametrize("case", OTHERS)
def test_other_apis_refuse_alike(http: httpx.Client, client: openai.OpenAI, case: str) -> None:
    path, request, saying = OTHERS[case]
    refused(http.post(path, json={"model": MODEL, **request}), saying)
    assert chat(client, max_tokens=1).choices


@pytest.mark.parametrize("case", ANTHROPIC)
def test_anthropic_has_errors_of_its_own(http: httpx.Client, case: str) -> None:
    change, status, kind, saying = ANTHROPIC[case]
    request = {"model": MODEL, "messages": QUESTION, "max_tokens": 4, **change}
    response = http.post("/v1/messages", json=request)
    body = response.json()
    assert (response.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert saying in body["error"]["message"]


@pytest.mark.parametrize(
    ("body", "saying"), [(b'{"model":', "JSON decode error"), (b"[1]", "valid dictionary")]
)
def test_a_body_that_is_no_request_is_refused(http: httpx.Client, body: bytes, saying: str) -> None:
    refused(http.post("/v1/chat/completions", content=body, headers=JSON), saying)


@pytest.mark.parametrize(
    ("method", "path", "saying"),
    [
        ("GET", "/v1/no", "There is no /v1/no here"),
        ("GET", "/v1/chat/completions", "doesn't take GET: use POST"),
        ("POST", "/v1/models", "doesn't take POST: use GET"),
    ],
)
def test_unknown_paths_and_methods(http: httpx.Client, method: str, path: str, saying: str) -> None:
    refused(http.request(method, path), saying)


@pytest.mark.parametrize("tokens", ["abc", [99999999]])
def test_what_routers_tell_shards_is_not_for_clients(client: openai.OpenAI, tokens: Any) -> None:
    told = chat(client, extra_body={"vllm_xargs": {"small4_resume": tokens}})
    assert told.choices[0].message.content == chat(client).choices[0].message.content
    assert told.usage.completion_tokens == 12
