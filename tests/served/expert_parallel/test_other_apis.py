"""Completions, responses, Anthropic's messages, tokenize."""

from typing import Any

import anthropic
import httpx
import openai

from tests.served.deployed import Deployed
from tests.served.expert_parallel.asking import MODEL


def test_completions(client: openai.OpenAI) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "prompt": "The sea is",
        "max_tokens": 8,
        "temperature": 0,
    }
    whole = client.completions.create(**request, logprobs=2)
    streamed = client.completions.create(**request, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == whole.choices[0].text != ""
    assert len(whole.choices[0].logprobs.token_logprobs) == 8


def test_responses(client: openai.OpenAI) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "input": "Hello",
        "max_output_tokens": 16,
        "temperature": 0,
    }
    whole = client.responses.create(**request)
    assert whole.output_text
    events = list(client.responses.create(**request, stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text
    assert events[-1].type in ("response.completed", "response.incomplete")


def test_anthropic_messages(claude: anthropic.Anthropic) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 16,
        "temperature": 0,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    whole = claude.messages.create(**request)
    assert (whole.role, whole.stop_reason) == ("assistant", "max_tokens")
    assert whole.usage.output_tokens == 16
    with claude.messages.stream(**request) as stream:
        assert "".join(stream.text_stream) == whole.content[0].text != ""


def test_tokenize_and_back(deployed: Deployed) -> None:
    text = "Grüße, 世界!"
    tokens = httpx.post(
        f"{deployed.url}/tokenize",
        json={"model": MODEL, "prompt": text, "add_special_tokens": False},
    ).json()
    assert tokens["count"] == len(tokens["tokens"]) > 1
    back = httpx.post(
        f"{deployed.url}/detokenize", json={"model": MODEL, "tokens": tokens["tokens"]}
    ).json()
    assert back["prompt"] == text
