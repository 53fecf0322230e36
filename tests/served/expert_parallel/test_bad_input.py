"""Whatever a client sends wrong is told what to change, and harms nobody else."""

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import openai
import pytest

from tests.served.deployed import Deployed
from tests.served.expert_parallel.asking import MODEL, QUESTION, about, chat


def image(url: str) -> dict[str, Any]:
    return {"messages": about({"type": "image_url", "image_url": {"url": url}})}


def schema(content: dict[str, Any]) -> dict[str, Any]:
    json_schema = {"name": "x", "schema": content}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


NOT_AN_IMAGE = base64.b64encode(b"not an image").decode()
CHAT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown model": ({"model": "nope"}, "`nope` does not exist"),
    "long prompt": (
        {"messages": [{"role": "user", "content": "sea " * 6000}]},
        "maximum context length is 4096 tokens",
    ),
    "no messages": ({"messages": []}, "send at least one message"),
    "unknown role": ({"messages": [{"role": "wizard", "content": "x"}]}, "wizard"),
    "messages of another type": ({"messages": "hi"}, "should be a valid list"),
    "temperature of another type": ({"temperature": "hot"}, "body.temperature"),
    "negative temperature": ({"temperature": -3}, "temperature must be non-negative"),
    "top_p above 1": ({"top_p": 2}, "top_p must be in (0, 1]"),
    "negative max_tokens": ({"max_tokens": -5}, "max_tokens must be at least 1, got -5"),
    "max_tokens beyond context": ({"max_tokens": 10**9}, "max_model_len=4096"),
    "n of 0": ({"n": 0}, "n must be at least 1"),
    "empty stop": ({"stop": [""]}, "stop cannot contain an empty string"),
    "too many logprobs": ({"logprobs": True, "top_logprobs": 999}, "max allowed: 20"),
    "reasoning_effort": ({"reasoning_effort": "low"}, "['none', 'high']"),
    "schema": (schema({"type": "nonsense"}), "Invalid type: nonsense"),
    "regex": ({"structured_outputs": {"regex": "("}}, "unclosed group"),
    "tool_choice without tools": ({"tool_choice": "required"}, "`tools` must be set"),
    "tool without function": ({"tools": [{"type": "function"}]}, "body.tools.0.function"),
    "token that isn't one": ({"logit_bias": {"999999": 5}}, "Vocabulary size: 2048"),
    "not an image": (image(f"data:image/png;base64,{NOT_AN_IMAGE}"), "can't be read"),
    "not base64": (image("data:image/png;base64,@@@@"), "can't be read"),
    "file": (image("file:///etc/passwd"), "doesn't fetch images"),
}


@pytest.fixture
def http(deployed: Deployed) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=deployed.url, timeout=60, trust_env=False) as http:
        yield http


@pytest.fixture
def bait() -> Iterator[tuple[str, list[str]]]:
    """The URL of a server that nobody should call, and the calls it got."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x.png", calls
        server.shutdown()
        thread.join()


def refused(response: httpx.Response, saying: str) -> None:
    """OpenAI's form, a status of the client's fault, and a message that helps."""
    assert 400 <= response.status_code < 500, response.text
    error = response.json()["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    assert error["code"] == response.status_code
    assert saying in error["message"]


@pytest.mark.parametrize("case", CHAT)
def test_a_chat_request_is_refused(http: httpx.Client, client: openai.OpenAI, case: str) -> None:
    change, saying = CHAT[case]
    request = {"model": MODEL, "messages": QUESTION, "max_tokens": 4, **change}
    refused(http.post("/v1/chat/completions", json=request), saying)
    assert chat(client, max_tokens=1).choices  # the next request is served


@pytest.mark.parametrize(
    ("body", "saying"), [(b'{"model":', "JSON decode error"), (b"[1]", "valid dictionary")]
)
def test_a_body_that_is_no_request_is_refused(http: httpx.Client, body: bytes, saying: str) -> None:
    headers = {"content-type": "application/json"}
    refused(http.post("/v1/chat/completions", content=body, headers=headers), saying)


@pytest.mark.parametrize(
    ("path", "request_", "saying"),
    [
        ("completions", {"prompt": [999999]}, "out of vocabulary"),
        ("completions", {"prompt": ""}, "non-empty"),
        ("completions", {"prompt": {"a": 1}}, "body.prompt"),
        ("responses", {"input": 5}, "body.input"),
        ("responses", {"model": "nope", "input": "x"}, "`nope` does not exist"),
    ],
)
def test_other_apis_refuse_alike(
    http: httpx.Client, path: str, request_: dict[str, Any], saying: str
) -> None:
    refused(http.post(f"/v1/{path}", json={"model": MODEL, **request_}), saying)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("GET", "/v1/no"), ("POST", "/v1/models")]
)
def test_unknown_paths_and_methods(http: httpx.Client, method: str, path: str) -> None:
    refused(http.request(method, path), "Not")


def test_anthropic_has_errors_of_its_own(http: httpx.Client) -> None:
    request = {"model": "nope", "messages": QUESTION, "max_tokens": 4}
    response = http.post("/v1/messages", json=request)
    assert response.status_code == 404
    assert response.json()["type"] == "error"
    assert "`nope` does not exist" in response.json()["error"]["message"]


def test_an_image_elsewhere_is_not_fetched(http: httpx.Client, bait: tuple[str, list[str]]) -> None:
    url, calls = bait
    request = {"model": MODEL, "max_tokens": 4, **image(url)}
    refused(http.post("/v1/chat/completions", json=request), "doesn't fetch images")
    assert calls == []
