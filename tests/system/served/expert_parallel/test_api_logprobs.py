"""Log probabilities, of chat and of completions."""

from typing import Any

import openai
import pytest

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import chat


@pytest.mark.parametrize("stream", [False, True])
def test_chat_gives_each_token_its_logprob_and_its_rivals(
    client: openai.OpenAI, stream: bool
) -> None:
    answer = chat(client, logprobs=True, top_logprobs=3, stream=stream)
    if stream:
        parts = [chunk.choices[0].logprobs for chunk in answer]
        tokens = [token for part in parts if part for token in part.content]
    else:
        tokens = answer.choices[0].logprobs.content
    assert len(tokens) == 12
    for token in tokens:
        rivals = [rival.logprob for rival in token.top_logprobs]
        assert len(rivals) == 3
        assert rivals == sorted(rivals, reverse=True)
        assert token.logprob == rivals[0] <= 0  # greedy
        assert bytes(token.bytes).decode(errors="replace") == token.token


def test_a_bias_is_part_of_the_choice(client: openai.OpenAI) -> None:
    usual = chat(client, max_tokens=1, extra_body={"return_token_ids": True}).choices[0]
    (token,) = usual.token_ids
    other = chat(
        client,
        max_tokens=1,
        logit_bias={str(token): -100},
        extra_body={"return_token_ids": True},
    ).choices[0]
    assert other.token_ids != [token]


def test_without_being_asked_there_are_none(client: openai.OpenAI) -> None:
    assert chat(client).choices[0].logprobs is None


def test_completions_give_them_too(client: openai.OpenAI) -> None:
    request: dict[str, Any] = {"model": MODEL, "prompt": "The sea is", "temperature": 0}
    answer = client.completions.create(**request, max_tokens=6, logprobs=2)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert logprobs.token_logprobs is not None
    assert logprobs.top_logprobs is not None
    for token, logprob, rivals in zip(
        logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert max(rivals.values()) <= logprob <= 0, token  # rivals of one spelling share a key
    assert len(logprobs.tokens) == 6
    assert logprobs.text_offset == sorted(logprobs.text_offset or [])
