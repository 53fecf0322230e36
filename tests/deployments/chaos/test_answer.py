from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.chaos.answer import Answer, Difference, difference
from tests.deployments.chaos.answers import answer

TOKENS = st.lists(st.integers(0, 5), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        ([1, 2, 3, 4], None),
        ([1, 2, 2, 3, 4], Difference.DOUBLED),
        ([1, 2, 3, 2, 3, 4], Difference.DOUBLED),
        ([1, 2, 3, 4, 4], Difference.DOUBLED),
        ([1, 2, 4], Difference.LOST),
        ([3, 4], Difference.LOST),
        ([1, 2, 3], Difference.LOST),
        ([1, 2, 9, 4], Difference.OTHER),
        ([1, 9, 3, 4, 5], Difference.OTHER),
        ([4, 3], Difference.OTHER),
    ],
)
def test_what_is_wrong_with_the_tokens(got: list[int], kind: Difference | None) -> None:
    assert difference(answer(got), answer([1, 2, 3, 4])) is kind


@given(tokens=TOKENS, start=st.integers(0, 19), length=st.integers(1, 5))
def test_a_run_of_tokens_that_comes_twice_is_doubled(
    tokens: list[int], start: int, length: int
) -> None:
    run = tokens[start % len(tokens) :][:length]
    end = start % len(tokens) + len(run)
    assert difference(answer(tokens[:end] + run + tokens[end:]), answer(tokens)) is (
        Difference.DOUBLED
    )


@given(tokens=TOKENS, start=st.integers(0, 19), length=st.integers(1, 5))
def test_a_run_of_tokens_that_is_missing_is_lost(
    tokens: list[int], start: int, length: int
) -> None:
    start %= len(tokens)
    left = tokens[:start] + tokens[start + length :]
    assert difference(answer(left), answer(tokens)) is Difference.LOST


def test_one_choice_of_two_is_wrong() -> None:
    assert difference(answer([1], [2, 2]), answer([1], [2])) is Difference.DOUBLED
    assert difference(answer([1]), answer([1], [2])) is Difference.OTHER


@pytest.mark.parametrize("field", ["text", "reasoning", "finish_reason"])
def test_the_same_tokens_with_another_text_are_wrong(field: str) -> None:
    got = answer([1, 2])
    setattr(got.choices[0], field, "other")
    assert difference(got, answer([1, 2])) is Difference.OTHER


def test_another_usage_is_wrong() -> None:
    assert difference(Answer(answer([1]).choices, 2), answer([1])) is Difference.OTHER


def test_chunks_are_put_together() -> None:
    got = Answer()
    assert got.add(chunk(part(delta(content="a"), [1])))
    assert not got.add(chunk(part(delta(reasoning="r"), [])))
    assert got.add(chunk(part(delta(calls=[call(0, "f", "{")]), [2, 3])))
    assert got.add(chunk(part(delta(calls=[call(0, None, "}")]), [4], finish="tool_calls")))
    assert not got.complete
    got.add({"choices": [], "usage": {"completion_tokens": 4}})
    assert got.complete
    (choice,) = got.choices.values()
    assert (choice.text, choice.reasoning, choice.tokens) == ("a", "r", [1, 2, 3, 4])
    assert choice.calls == {0: ["f", "{}"]}


def test_a_completion_has_its_text_and_logprobs_beside_its_index() -> None:
    got = Answer()
    logprobs = {"token_logprobs": [-0.5]}
    part = {"index": 0, "text": "a", "token_ids": [1], "finish_reason": "length"}
    assert got.add(chunk({**part, "logprobs": logprobs}))
    assert (got.choices[0].text, got.choices[0].logprobs) == ("a", [-0.5])


Json = dict[str, Any]


def chunk(*parts: Json) -> Json:
    return {"choices": list(parts), "usage": None}


def part(delta: Json, tokens: list[int], finish: str | None = None) -> Json:
    return {"index": 0, "delta": delta, "token_ids": tokens, "finish_reason": finish}


def delta(content: str | None = None, reasoning: str | None = None, calls: Any = None) -> Json:
    return {"content": content, "reasoning": reasoning, "tool_calls": calls}


def call(index: int, name: str | None, arguments: str) -> Json:
    return {"index": index, "function": {"name": name, "arguments": arguments}}
