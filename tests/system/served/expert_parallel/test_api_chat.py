"""Chat completions: the form of an answer, whole and streamed, and what steers it."""

import itertools

import httpx
import openai
import pytest

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import QUESTION, chat, counts, router_urls


def test_an_answer_has_openais_form(client: openai.OpenAI) -> None:
    answer = chat(client)
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", MODEL)
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "length", "assistant")
    assert choice.message.content
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_a_stream_is_the_answer_in_pieces(client: openai.OpenAI) -> None:
    chunks = [chunk.choices[0] for chunk in chat(client, stream=True)]
    assert chunks[0].delta.role == "assistant"
    pieces = [chunk.delta.content for chunk in chunks if chunk.delta.content]
    assert len(pieces) > 1
    assert "".join(pieces) == chat(client).choices[0].message.content
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]


def test_a_stream_tells_its_usage_if_asked(client: openai.OpenAI) -> None:
    *chunks, last = chat(client, stream=True, stream_options={"include_usage": True})
    assert last.choices == []
    assert counts(last.usage) == counts(chat(client).usage)
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.usage is None for chunk in chat(client, stream=True))


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_an_answer_keeps_to_its_length(client: openai.OpenAI, limit: str) -> None:
    answer = chat(client, **{"max_tokens": None, limit: 3})
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (3, "length")


@pytest.mark.parametrize("stream", [False, True])
def test_n_answers_are_told_apart(client: openai.OpenAI, stream: bool) -> None:
    asked = {"n": 2, "temperature": 1, "seed": 3, "extra_body": {"ignore_eos": True}}
    whole = chat(client, **asked)
    assert whole.usage.completion_tokens == 24
    texts = {choice.index: choice.message.content for choice in whole.choices}
    assert texts.keys() == {0, 1}
    assert texts[0] != texts[1]
    if stream:
        streamed = {0: "", 1: ""}
        for chunk in chat(client, stream=True, **asked):
            for choice in chunk.choices:
                streamed[choice.index] += choice.delta.content or ""
        assert streamed == texts


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_ends_an_answer_before_it(client: openai.OpenAI, stream: bool) -> None:
    text = chat(client, max_tokens=24).choices[0].message.content
    stop = next(pair for pair in itertools.pairwise(text[6:]) if "".join(pair).isprintable())
    before = text[: text.index("".join(stop))]
    answer = chat(client, max_tokens=24, stop=["never there", "".join(stop)], stream=stream)
    if stream:
        choices = [chunk.choices[0] for chunk in answer]
        assert "".join(choice.delta.content or "" for choice in choices) == before
        assert choices[-1].finish_reason == "stop"
    else:
        assert answer.choices[0].message.content == before
        assert answer.choices[0].finish_reason == "stop"
        assert answer.choices[0].stop_reason == "".join(stop)


def test_a_seed_repeats_and_another_differs(client: openai.OpenAI) -> None:
    first, again, other = (
        chat(client, temperature=1, seed=seed).choices[0].message.content for seed in (1, 1, 2)
    )
    assert first == again != other


def test_equal_greedy_requests_get_equal_answers(client: openai.OpenAI) -> None:
    assert len({chat(client).choices[0].message.content for _ in range(4)}) == 1


def test_each_router_gives_the_same_answer(client: openai.OpenAI) -> None:
    request = {"model": MODEL, "messages": QUESTION, "max_tokens": 12, "temperature": 0}
    answers = [
        httpx.post(f"{url}/v1/chat/completions", json=request, timeout=60).json()
        for url in router_urls()
    ]
    assert len(answers) == 3
    texts = {answer["choices"][0]["message"]["content"] for answer in answers}
    assert texts == {chat(client).choices[0].message.content}


def test_messages_of_every_role_are_part_of_the_prompt(client: openai.OpenAI) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Tell me"}, {"type": "text", "text": " of it."}],
        },
        {"role": "assistant", "content": "Of what?"},
        *QUESTION,
    ]
    lengths = [chat(client, messages=turns[n:]).usage.prompt_tokens for n in (0, 1, 3)]
    assert lengths == sorted(set(lengths), reverse=True)
