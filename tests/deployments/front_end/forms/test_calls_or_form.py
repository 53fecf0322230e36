"""Tests what grammars let an answer be, with the matcher that engines use."""

from collections.abc import Awaitable, Callable
from typing import Any

import llguidance
import pytest

from tests.deployments.front_end.dictated import MODEL, Clients, Play

SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
PARAMETERS = {"type": "object", "properties": {"a": {"type": "array"}}}
ASK: Any = [{"role": "user", "content": "Hi"}]
FORM = ('{"ok": true}',)
CALL = ("[TOOL_CALLS]", "note", "[ARGS]", '{"a": [1, 2]}')
TWO_CALLS = (*CALL, *CALL)
THOUGHTS = ("[THINK]", "So", "[/THINK]")
TEXT = ("Hello.",)
TEXT_AND_CALL = ("Hello.", *CALL)

Asking = Callable[..., Awaitable[Any]]


async def chat(asked: Clients, *, tools: bool, form: bool, choice: Any = None) -> None:
    options: dict[str, Any] = {}
    if tools:
        options["tools"] = [
            {"type": "function", "function": {"name": "note", "parameters": PARAMETERS}}
        ]
    if form:
        schema = {"name": "answer", "schema": SCHEMA}
        options["response_format"] = {"type": "json_schema", "json_schema": schema}
    if choice == "note":
        choice = {"type": "function", "function": {"name": "note"}}
    if choice:
        options["tool_choice"] = choice
    await asked.openai.chat.completions.create(model=MODEL, messages=ASK, **options)


async def responses(asked: Clients, *, tools: bool, form: bool, choice: Any = None) -> None:
    options: dict[str, Any] = {}
    if tools:
        options["tools"] = [{"type": "function", "name": "note", "parameters": PARAMETERS}]
    if form:
        options["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}
    if choice == "note":
        choice = {"type": "function", "name": "note"}
    if choice:
        options["tool_choice"] = choice
    response = await asked.openai.responses.create(model=MODEL, input="Hi", **options)
    if form:
        assert response.text is not None
        assert response.text.format is not None
        assert response.text.format.type == "json_schema"


async def messages(asked: Clients, *, tools: bool, form: bool, choice: Any = None) -> None:
    options: dict[str, Any] = {}
    if tools:
        options["tools"] = [{"name": "note", "input_schema": PARAMETERS}]
    if form:
        options["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    if choice:
        kind = {"auto": "auto", "none": "none", "required": "any", "note": "tool"}[choice]
        options["tool_choice"] = {"type": kind} | ({"name": "note"} if kind == "tool" else {})
    await asked.anthropic.messages.create(model=MODEL, messages=ASK, max_tokens=9, **options)


def allowed(asked: Clients, *parts: str) -> bool:
    """Tell whether the last request may be answered so, from its first token to its last."""
    request = asked.router.asked[-1]
    assert request.sampling_params is not None
    held = request.sampling_params.structured_outputs
    if held is None:
        return True
    assert request.reasoning_ended  # or the engine would wait for the end of thoughts
    grammar = held.grammar or llguidance.LLMatcher.grammar_from_json_schema(held.json)
    matcher = llguidance.LLMatcher(asked.router.renderer.tokenizer.llg_tokenizer, grammar)
    assert not matcher.get_error()
    asked.answers(*parts)
    return bool(matcher.consume_tokens(asked.router.answer)) and bool(matcher.is_accepting())


@pytest.mark.parametrize("by", [chat, responses, messages])
@pytest.mark.parametrize("choice", [None, "auto"])
def test_with_tools_an_answer_has_the_form_or_calls(play: Play, by: Asking, choice: Any) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        await by(asked, tools=True, form=True, choice=choice)
        for held in (FORM, CALL, TWO_CALLS, (*THOUGHTS, *FORM), (*THOUGHTS, *CALL)):
            assert allowed(asked, *held), held
        refused: tuple[tuple[str, ...], ...] = (TEXT, TEXT_AND_CALL, ('{"ok": 1}',))
        for answer in refused:
            assert not allowed(asked, *answer), answer

    play(scene)


def test_nor_may_text_come_before_the_only_call_that_is_allowed(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        tool: Any = {"type": "function", "function": {"name": "note", "parameters": PARAMETERS}}
        schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
        form: Any = {"response_format": schema, "parallel_tool_calls": False}
        await asked.openai.chat.completions.create(model=MODEL, messages=ASK, tools=[tool], **form)
        assert allowed(asked, *FORM)
        assert allowed(asked, *CALL)
        for answer in (TEXT, TEXT_AND_CALL, TWO_CALLS):
            assert not allowed(asked, *answer), answer

    play(scene)


def test_a_schema_that_says_nothing_forbids_no_text(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        tool: Any = {"type": "function", "function": {"name": "note", "parameters": PARAMETERS}}
        form: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}}
        create = asked.openai.chat.completions.create
        await create(model=MODEL, messages=ASK, tools=[tool], response_format=form)
        for answer in (TEXT, FORM, CALL):
            assert allowed(asked, *answer), answer

    play(scene)


def test_tools_of_other_kinds_beside_functions_change_nothing(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        function = {"type": "function", "name": "note", "parameters": PARAMETERS}
        tools: Any = [function, {"type": "custom", "name": "patch"}]
        form: Any = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}
        create = asked.openai.responses.create
        await create(model=MODEL, input="Hi", tools=tools, text=form)
        assert allowed(asked, *FORM)
        assert allowed(asked, *CALL)
        assert not allowed(asked, *TEXT)

    play(scene)


def test_a_choice_that_vllm_does_not_know_is_served(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        tool: Any = {"type": "function", "name": "note", "parameters": PARAMETERS}
        only = {"type": "function", "name": "note"}
        choice: Any = {"type": "allowed_tools", "mode": "auto", "tools": [only]}
        create = asked.openai.responses.create
        await create(model=MODEL, input="Hi", tools=[tool], tool_choice=choice)

    play(scene)


@pytest.mark.parametrize("by", [chat, responses, messages])
@pytest.mark.parametrize("choice", ["required", "note"])
@pytest.mark.parametrize("form", [False, True])
def test_a_call_that_is_required_is_made(play: Play, by: Asking, choice: str, form: bool) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        await by(asked, tools=True, form=form, choice=choice)
        assert allowed(asked, *CALL)
        for answer in (TEXT, FORM):
            assert not allowed(asked, *answer), answer

    play(scene)


@pytest.mark.parametrize("by", [chat, responses, messages])
def test_without_a_form_an_answer_with_tools_may_be_any(play: Play, by: Asking) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        await by(asked, tools=True, form=False)
        for answer in (TEXT, FORM, CALL, TEXT_AND_CALL):
            assert allowed(asked, *answer), answer

    play(scene)


@pytest.mark.parametrize("by", [chat, responses, messages])
def test_where_no_tool_may_be_called_there_is_the_form(play: Play, by: Asking) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        for tools in (True, False):
            await by(asked, tools=tools, form=True, choice="none" if tools else None)
            assert allowed(asked, *FORM)
            assert not allowed(asked, *TEXT)
            assert not allowed(asked, *CALL)

    play(scene)


JSON_OBJECT = {"type": "json_object"}
HELD: dict[str, dict[str, Any]] = {
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA},
        }
    },
    "object": {"response_format": JSON_OBJECT},
    "schema of vLLM's": {"extra_body": {"structured_outputs": {"json": SCHEMA}}},
    "grammar": {
        "extra_body": {"structured_outputs": {"grammar": 'start: %json {"type": "object"}'}}
    },
}


@pytest.mark.parametrize("case", HELD)
def test_json_has_no_room_for_blanks(play: Play, case: str) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        await asked.openai.chat.completions.create(model=MODEL, messages=ASK, **HELD[case])
        for answer in ('{"ok":true}', '{"ok": true}'):
            assert allowed(asked, answer), answer
        for answer in ('{"ok":  true}', '{ "ok": true}', '{"ok":\n', '{"ok": true }'):
            assert not allowed(asked, answer), answer

    play(scene)


def test_completions_json_has_none_either(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        for held in ({"json": SCHEMA}, {"json_object": True}):
            body: Any = {"structured_outputs": held}
            await asked.openai.completions.create(model=MODEL, prompt="Hi", extra_body=body)
            assert allowed(asked, '{"ok": true}')
            assert not allowed(asked, '{"ok":  true}')

    play(scene)


def test_a_tools_arguments_have_none(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        await chat(asked, tools=True, form=False, choice="required")
        assert not allowed(asked, *CALL[:3], '{"a":  [1]}')

    play(scene)
