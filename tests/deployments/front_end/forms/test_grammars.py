from typing import Any

import pytest
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
from vllm.exceptions import VLLMValidationError
from vllm.parser.mistral import MistralParser
from vllm.sampling_params import SamplingParams, StructuredOutputsParams
from vllm.v1.structured_output import backend_guidance

from deployments.front_end.forms import grammars

GOOD, BAD = 'start: "yes" | "no"', "start: nowhere"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize("asked", [{}, {"response_format": {"type": "text"}}])
def test_a_chat_that_may_be_any_text_gets_no_grammar(asked: dict[str, Any]) -> None:
    assert grammars.is_plain(ChatCompletionRequest(messages=[], **asked))


@pytest.mark.parametrize(
    "asked",
    [
        {"tools": [TOOL]},
        {"tools": [TOOL], "tool_choice": "none"},
        {"response_format": {"type": "json_object"}},
        {"structured_outputs": {"regex": "a+"}},
    ],
)
def test_a_chat_that_asks_for_a_form_is_held_to_it(asked: dict[str, Any]) -> None:
    assert not grammars.is_plain(ChatCompletionRequest(messages=[], **asked))


def test_responses_are_left_to_vllm() -> None:
    assert not grammars.is_plain(ResponsesRequest(input="x"))


def asking(grammar: str) -> SamplingParams:
    return SamplingParams(structured_outputs=StructuredOutputsParams(grammar=grammar))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the grammars that vLLM has been asked to check."""
    asked: list[str] = []
    check = grammars._check

    def noted(params: SamplingParams, tokenizer: object) -> None:
        asked.append(params.structured_outputs.grammar)
        check(params, tokenizer)

    monkeypatch.setattr(grammars, "_check", noted)
    monkeypatch.setattr(grammars, "_valid", type(grammars._valid)())
    return asked


def test_a_valid_grammar_is_checked_once(checked: list[str]) -> None:
    for grammar in (GOOD, GOOD, GOOD + ' | "perhaps"', GOOD):
        grammars.check_once(asking(grammar))
    assert checked == [GOOD, GOOD + ' | "perhaps"']


def test_an_invalid_grammar_is_refused_each_time(checked: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(VLLMValidationError, match="nowhere"):
            grammars.check_once(asking(BAD))
    assert checked == [BAD, BAD]


def test_the_oldest_is_forgotten(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammars, "_KEPT", 1)
    for grammar in (GOOD, GOOD + ' | "x"', GOOD):
        grammars.check_once(asking(grammar))
    assert len(checked) == 3


def test_nothing_asked_nothing_checked(checked: list[str]) -> None:
    grammars.check_once(SamplingParams())
    assert checked == []


def test_install_reaches_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MistralParser, "adjust_request", None)
    monkeypatch.setattr(backend_guidance, "validate_guidance_grammar", None)
    grammars.install()
    assert MistralParser.adjust_request is grammars.adjust_where_asked
    assert backend_guidance.validate_guidance_grammar is grammars.check_once
