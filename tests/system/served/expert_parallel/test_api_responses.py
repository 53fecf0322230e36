"""OpenAI's responses."""

from typing import Any

import openai
import pytest

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import picture


def respond(client: openai.OpenAI, **options: Any) -> Any:
    defaults = {"model": MODEL, "input": "Hello", "max_output_tokens": 12, "temperature": 0}
    return client.responses.create(**{**defaults, **options})


def said(*content: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(content)}]


TEXT = {"type": "input_text", "text": "Hello"}
IMAGE = {
    "type": "input_image",
    "detail": "auto",
    "image_url": picture("red", (28, 28))["image_url"]["url"],
}


def test_a_response_has_openais_form(client: openai.OpenAI) -> None:
    response = respond(client)
    assert response.id.startswith("resp_")
    assert (response.object, response.model) == ("response", MODEL)
    (message,) = response.output
    assert (message.type, message.role) == ("message", "assistant")
    assert [part.type for part in message.content] == ["output_text"]
    assert response.output_text
    assert response.usage.output_tokens == 12
    assert (response.status, response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )


def test_its_events_tell_the_response_in_pieces(client: openai.OpenAI) -> None:
    events = list(respond(client, stream=True))
    assert [events[0].type, events[1].type] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    (done,) = (event.text for event in events if event.type == "response.output_text.done")
    whole = respond(client)
    assert len(deltas) > 1
    assert "".join(deltas) == done == whole.output_text
    assert events[-1].type in ("response.completed", "response.incomplete")
    assert events[-1].response.output_text == whole.output_text
    assert events[-1].response.usage.output_tokens == 12


def test_a_text_may_come_in_parts(client: openai.OpenAI) -> None:
    assert respond(client, input=said(TEXT)).output_text == respond(client).output_text


def test_an_image_is_part_of_the_prompt(client: openai.OpenAI) -> None:
    with_it, without = (respond(client, input=said(*parts)) for parts in ((TEXT, IMAGE), (TEXT,)))
    assert with_it.usage.input_tokens == without.usage.input_tokens + 2  # one and its end
    assert with_it.output_text != without.output_text


def test_what_was_said_before_is_part_of_the_prompt(client: openai.OpenAI) -> None:
    answered = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Ahoy.", "annotations": []}],
    }
    turns = [*said(TEXT), answered, {"role": "user", "content": "Go on."}]
    assert respond(client, input=turns).usage.input_tokens > respond(client).usage.input_tokens


def test_instructions_matter(client: openai.OpenAI) -> None:
    assert respond(client, instructions="Be brief.").output_text != respond(client).output_text


@pytest.mark.parametrize(("effort", "differs"), [("none", False), ("high", True)])
def test_reasoning_effort_matters(client: openai.OpenAI, effort: str, differs: bool) -> None:
    usual, asked = respond(client), respond(client, reasoning={"effort": effort})
    assert (spoken(asked) != spoken(usual)) == differs


def spoken(response: Any) -> list[Any]:
    """Return thoughts and texts, without their ids."""
    return [part.text for item in response.output for part in item.content]
