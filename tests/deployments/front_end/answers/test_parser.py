"""Tests what clients get of dictated answers; `tests/system/served`, of a real engine's."""

from typing import Any

import pytest

from tests.deployments.front_end.dictated import MODEL, Clients, Play

PARAMETERS = {"type": "object", "properties": {"text": {"type": "string"}}}
ARGUMENTS = '{"text": "<s>9</s> [ARGS] [INST] 東"}'
ASK: Any = [{"role": "user", "content": "Note it."}]
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": "note", "parameters": PARAMETERS}}]
RESPONSES_TOOLS: Any = [{"type": "function", "name": "note", "parameters": PARAMETERS}]
MESSAGES_TOOLS: Any = [{"name": "note", "input_schema": PARAMETERS}]


CALL = ("[TOOL_CALLS]", "note", "[ARGS]", ARGUMENTS, "</s>")


async def chat(asked: Clients, *, stream: bool, **options: Any) -> tuple[Any, ...]:
    """Return thoughts, text, calls as (name, arguments), and the finish reason."""
    create = asked.openai.chat.completions.create
    if not stream:
        done = await create(model=MODEL, messages=ASK, **options)
        (choice,) = done.choices
        found = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()]
        message: Any = choice.message
        thoughts = getattr(message, "reasoning", None)
        return thoughts or "", message.content or "", found, choice.finish_reason
    thoughts, text, calls, finish = "", "", dict[int, list[str]](), None
    async for chunk in await create(model=MODEL, messages=ASK, stream=True, **options):
        delta: Any = chunk.choices[0].delta
        thoughts += getattr(delta, "reasoning", None) or ""
        text += delta.content or ""
        for call in delta.tool_calls or ():
            known = calls.setdefault(call.index, ["", ""])
            known[0] += call.function.name or ""
            known[1] += call.function.arguments or ""
        finish = chunk.choices[0].finish_reason or finish
    return thoughts, text, [tuple(call) for call in calls.values()], finish


@pytest.mark.parametrize("stream", [False, True])
def test_text_that_looks_like_control_tokens_is_text(play: Play, stream: bool) -> None:
    text = "Use <s>, [INST], [THINK] and [TOOL_CALLS]add[ARGS]{}. naïve 東京 👩‍🚀 ☔"

    async def scene(asked: Clients) -> None:
        asked.answers("[THINK]", f"So {text}", "[/THINK]", text, "</s>")
        expected: Any = (f"So {text}", text, [], "stop")
        assert await chat(asked, stream=stream) == expected
        assert await chat(asked, stream=stream, tools=CHAT_TOOLS) == expected

    play(scene)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", [[], ["\n\n"], ["\n", "a stop string that is longer"]])
def test_a_call_is_one_whatever_stops_the_answer(play: Play, stream: bool, stop: list[str]) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers(*CALL)
        got = await chat(asked, stream=stream, tools=CHAT_TOOLS, stop=stop)
        assert got == ("", "", [("note", ARGUMENTS)], "tool_calls")

    play(scene)


def test_a_cut_off_call_is_none(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        tokens = asked.answers(*CALL)
        for most in range(1, tokens):
            whole = await chat(asked, stream=False, tools=CHAT_TOOLS, max_tokens=most)
            assert whole == ("", "", [], "length")
            *_, calls, finish = await chat(asked, stream=True, tools=CHAT_TOOLS, max_tokens=most)
            assert finish == "length"
            assert all(ARGUMENTS.startswith(arguments) for _, arguments in calls)
            assert all(arguments for _, arguments in calls)

    play(scene)


def test_a_cut_off_call_is_no_block_of_a_message(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        tokens = asked.answers("One moment.", *CALL)
        given: Any = {"model": MODEL, "messages": ASK, "tools": MESSAGES_TOOLS}
        for most in (*range(1, tokens, 5), tokens - 1):
            whole = await asked.anthropic.messages.create(max_tokens=most, **given)
            async with asked.anthropic.messages.stream(max_tokens=most, **given) as stream:
                streamed = await stream.get_final_message()
            for message in (whole, streamed):
                assert message.stop_reason == "max_tokens"
                assert [block.type for block in message.content] == ["text"]
        whole = await asked.anthropic.messages.create(max_tokens=tokens, **given)
        async with asked.anthropic.messages.stream(max_tokens=tokens, **given) as stream:
            streamed = await stream.get_final_message()
        for message in (whole, streamed):
            assert message.stop_reason == "tool_use"
            blocks: list[Any] = list(message.content)
            assert [block.type for block in blocks] == ["text", "tool_use"]
            assert blocks[1].input == {"text": "<s>9</s> [ARGS] [INST] 東"}

    play(scene)


def test_a_cut_off_call_is_no_item_of_a_response(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        tokens = asked.answers(*CALL)
        given: Any = {"model": MODEL, "input": "Note it.", "tools": RESPONSES_TOOLS}
        for most in (*range(1, tokens, 5), tokens - 1):
            whole = await asked.openai.responses.create(max_output_tokens=most, **given)
            assert whole.status == "incomplete"
            async with asked.openai.responses.stream(max_output_tokens=most, **given) as stream:
                events = [event async for event in stream]
            last: Any = events[-1]
            assert last.type == "response.incomplete"
            assert not [event for event in events if "function_call" in event.type]
            for response in (whole, last.response):
                assert not [item for item in response.output if item.type == "function_call"]
        whole = await asked.openai.responses.create(max_output_tokens=tokens, **given)
        (call,) = whole.output
        assert call.type == "function_call"
        assert (call.name, call.arguments) == ("note", ARGUMENTS)

    play(scene)


def test_only_thoughts_count_as_reasoning(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        create = asked.openai.chat.completions.create
        thoughts = asked.answers("So it is")
        for parts, expected in (
            (("[THINK]", "So it is", "[/THINK]", "Yes", "</s>"), thoughts),
            (('{"ok": true}', "</s>"), 0),
        ):
            tokens = asked.answers(*parts)
            done = await create(model=MODEL, messages=ASK)
            stream = await create(
                model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
            )
            *_, last = [chunk async for chunk in stream]
            for usage in (done.usage, last.usage):
                assert usage is not None
                assert usage.completion_tokens == tokens
                assert usage.completion_tokens_details is not None
                assert usage.completion_tokens_details.reasoning_tokens == expected
            response = await asked.openai.responses.create(model=MODEL, input="Note it.")
            assert response.usage is not None
            assert response.usage.output_tokens_details.reasoning_tokens == expected

    play(scene)


def test_a_second_call_that_is_cut_off_leaves_the_first(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        first = asked.answers(*CALL[:-1])
        asked.answers(*CALL[:-1], *CALL)
        for stream in (False, True):
            *_, calls, finish = await chat(
                asked, stream=stream, tools=CHAT_TOOLS, max_tokens=first + 5
            )
            assert calls[0] == ("note", ARGUMENTS)
            assert finish == "length"
        given: Any = {"model": MODEL, "messages": ASK, "tools": MESSAGES_TOOLS}
        message = await asked.anthropic.messages.create(max_tokens=first + 5, **given)
        assert message.stop_reason == "max_tokens"
        assert [block.type for block in message.content] == ["tool_use"]

    play(scene)


@pytest.mark.parametrize("choice", ["auto", "required"])
def test_a_stop_string_within_a_call_leaves_none(play: Play, choice: str) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes. ", *CALL)
        options = {"tools": CHAT_TOOLS, "tool_choice": choice, "stop": ["[INST]"]}
        assert await chat(asked, stream=False, **options) == ("", "Yes. ", [], "stop")

    play(scene)


def test_a_clients_own_stop_token_ends_a_call(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers(*CALL[:-1], "!")
        token = asked.router.answer[-1]
        options = {"tools": CHAT_TOOLS, "extra_body": {"stop_token_ids": [token]}}
        got = await chat(asked, stream=False, **options)
        assert got == ("", "", [("note", ARGUMENTS)], "tool_calls")

    play(scene)


def test_raw_messages_of_a_response_show_control_tokens(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes.", *CALL)
        body = {"enable_response_messages": True}
        create = asked.openai.responses.create
        response: Any = await create(model=MODEL, input="Note it.", extra_body=body)
        (message,) = response.output_messages
        assert message["message"] == f"Yes.[TOOL_CALLS]note[ARGS]{ARGUMENTS}"

    play(scene)


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_that_the_prompt_has_begun_go_on(play: Play, stream: bool) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers(" it is", "[/THINK]", "Yes", "</s>")
        thought = {"type": "thinking", "thinking": "So", "closed": False}
        messages: Any = [*ASK, {"role": "assistant", "content": [thought]}]
        body = {"continue_final_message": True, "add_generation_prompt": False}
        create = asked.openai.chat.completions.create
        given: Any = {"model": MODEL, "messages": messages, "extra_body": body, "stream": stream}
        answer: Any = await create(**given)
        if stream:
            deltas = [chunk.choices[0].delta async for chunk in answer]
        else:
            deltas = [answer.choices[0].message]
        assert "".join(getattr(delta, "reasoning", None) or "" for delta in deltas) == " it is"
        assert "".join(delta.content or "" for delta in deltas) == "Yes"

    play(scene)
