"""Grammars make noise come out in form, in every API that takes one."""

import json
import re
from typing import Any

import openai
import pytest

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import chat
from tests.system.served.expert_parallel.leaning import no_blanks

SHIP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "masts": {"type": "integer", "minimum": 1, "maximum": 5},
        "cargo": {"type": "array", "items": {"enum": ["tea", "tin"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "masts", "cargo"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "ship", "schema": SHIP}}


def check(text: str) -> None:
    ship = json.loads(text)
    assert ship.keys() == {"name", "masts", "cargo"}
    # A character cut short by the schema comes out as one replacement mark a byte.
    assert len(ship["name"].replace("\ufffd", "")) <= 8
    assert ship["masts"] in range(1, 6)
    assert 1 <= len(ship["cargo"]) <= 3
    assert set(ship["cargo"]) <= {"tea", "tin"}


@pytest.mark.parametrize("options", [{}, {"temperature": 1, "seed": 5}], ids=["greedy", "sampled"])
def test_a_chat_follows_its_schema(client: openai.OpenAI, options: dict[str, Any]) -> None:
    answer = chat(client, response_format=FORMAT, max_tokens=120, logit_bias=no_blanks(), **options)
    check(answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "stop"


def test_a_streamed_chat_follows_its_schema(client: openai.OpenAI) -> None:
    chunks = chat(
        client, response_format=FORMAT, max_tokens=120, logit_bias=no_blanks(), stream=True
    )
    check("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


def test_a_completion_follows_its_schema(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL,
        prompt="A ship:",
        max_tokens=120,
        temperature=0,
        logit_bias=no_blanks(),
        extra_body={"response_format": FORMAT},
    )
    check(answer.choices[0].text)


def test_a_response_follows_its_schema(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=MODEL,
        input="A ship, please.",
        max_output_tokens=120,
        temperature=0,
        text={"format": {"type": "json_schema", "name": "ship", "schema": SHIP}},
        extra_body={"logit_bias": no_blanks()},
    )
    check(answer.output_text)


def test_json_without_a_schema_is_json(client: openai.OpenAI) -> None:
    asked = {"response_format": {"type": "json_object"}, "logit_bias": no_blanks()}
    assert chat(client, **asked).choices[0].message.content.lstrip()[0] in "{["


@pytest.mark.parametrize(
    ("constraint", "form"),
    [
        ({"regex": "[a-c]{5}"}, "[a-c]{5}"),
        ({"choice": ["port", "starboard"]}, "port|starboard"),
        ({"grammar": 'start: "ahoy" "!"*'}, "ahoy!*"),
    ],
    ids=["regex", "choice", "grammar"],
)
def test_other_constraints_hold(
    client: openai.OpenAI, constraint: dict[str, Any], form: str
) -> None:
    asked = {"structured_outputs": constraint}
    said = chat(client, extra_body=asked).choices[0].message.content
    written = client.completions.create(
        model=MODEL, prompt="Say", max_tokens=12, temperature=0, extra_body=asked
    )
    assert re.match(form, said)
    assert re.match(form, written.choices[0].text)


def test_a_regex_harms_no_later_chat(client: openai.OpenAI) -> None:
    """VLLM's own choice of grammar library would let special tokens through from then on."""
    before = chat(client).choices[0].message.content
    for _ in range(4):  # on either rank
        chat(client, extra_body={"structured_outputs": {"regex": "[a-c]{5}"}})
    assert {chat(client).choices[0].message.content for _ in range(6)} == {before}


@pytest.mark.parametrize("effort", ["none", "high"])
def test_reasoning_effort_is_part_of_the_prompt(client: openai.OpenAI, effort: str) -> None:
    tell = {"return_token_ids": True}
    answer = chat(client, reasoning_effort=effort, logprobs=True, top_logprobs=1, extra_body=tell)
    assert answer.choices[0].message.content or answer.choices[0].message.reasoning
    # `none` is what is written into the prompt by default.
    same = chat(client, extra_body=tell).prompt_token_ids == answer.prompt_token_ids
    assert same == (effort == "none")
