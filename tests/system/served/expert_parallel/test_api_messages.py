"""Anthropic's messages, through its own client."""

import itertools
from typing import Any

import anthropic

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import picture

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
_, DATA = picture("red", (28, 28))["image_url"]["url"].split(",")
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}


def greedy(**options: Any) -> dict[str, Any]:
    """Send a request; the client has no argument of its own for the temperature."""
    body = {"temperature": 0}
    return {"model": MODEL, "max_tokens": 12, "messages": HELLO, "extra_body": body, **options}


def test_a_message_has_anthropics_form(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(**greedy())
    assert (message.type, message.role, message.model) == ("message", "assistant", MODEL)
    assert [block.type for block in message.content] == ["text"]
    assert message.content[0].text
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 12


def test_a_stream_is_the_message_in_pieces(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(**greedy()) as stream:
        events = [event.type for event in stream]
        streamed: Any = stream.get_final_message()
    assert events[:2] == ["message_start", "content_block_start"]
    assert events.count("content_block_delta") > 1
    assert events[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    whole = claude.messages.create(**greedy())
    assert streamed.content[0].text == whole.content[0].text
    assert (streamed.stop_reason, streamed.usage.output_tokens) == ("max_tokens", 12)


def test_a_stop_sequence_ends_a_message_before_it(claude: anthropic.Anthropic) -> None:
    text = claude.messages.create(**greedy()).content[0].text
    stop = next(pair for pair in pairs(text[3:]) if pair.isprintable() and pair.strip())
    message = claude.messages.create(**greedy(stop_sequences=["never there", stop]))
    assert message.content[0].text == text[: text.index(stop)]
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", stop)


def pairs(text: str) -> list[str]:
    """Return every two characters that follow each other."""
    return [a + b for a, b in itertools.pairwise(text)]


def test_its_length_is_counted_as_it_is_asked(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens
    assert counted == claude.messages.create(**greedy()).usage.input_tokens


def test_a_system_prompt_matters(claude: anthropic.Anthropic) -> None:
    usual, told = (claude.messages.create(**greedy(**x)) for x in ({}, {"system": "Be brief."}))
    assert told.usage.input_tokens > usual.usage.input_tokens
    assert told.content[0].text != usual.content[0].text


def test_an_image_is_part_of_the_prompt(claude: anthropic.Anthropic) -> None:
    text = {"type": "text", "text": "Hello"}
    with_it, without = (
        claude.messages.create(**greedy(messages=[{"role": "user", "content": content}]))
        for content in ([IMAGE, text], [text])
    )
    assert with_it.usage.input_tokens == without.usage.input_tokens + 2  # one and its end
    assert with_it.content[0].text != without.content[0].text


def test_tools_are_part_of_the_prompt(claude: anthropic.Anthropic) -> None:
    tool = {"name": "tides", "input_schema": {"type": "object", "properties": {}}}
    usual, offered = (claude.messages.create(**greedy(**x)) for x in ({}, {"tools": [tool]}))
    assert offered.usage.input_tokens > usual.usage.input_tokens
