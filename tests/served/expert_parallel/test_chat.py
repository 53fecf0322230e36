import openai
import pytest

from tests.served.expert_parallel.asking import MODEL, chat


def test_a_streamed_answer_is_the_whole_one_in_pieces(client: openai.OpenAI) -> None:
    whole = chat(client)
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content != ""
    assert len([piece for piece in pieces if piece]) > 1
    assert chunks[-1].usage == whole.usage
    assert whole.usage.completion_tokens == 12
    assert whole.choices[0].finish_reason == "length"


def test_equal_greedy_requests_get_equal_answers_from_either_router(client: openai.OpenAI) -> None:
    answers = {chat(client).choices[0].message.content for _ in range(6)}
    assert len(answers) == 1


def test_a_seed_repeats_and_another_differs(client: openai.OpenAI) -> None:
    first, again, other = (
        chat(client, temperature=1, seed=seed).choices[0].message.content for seed in (1, 1, 2)
    )
    assert first == again != other


def test_n_gives_as_many_answers(client: openai.OpenAI) -> None:
    answer = chat(client, n=2, temperature=1, seed=3)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.content != answer.choices[1].message.content
    streamed = chat(client, n=2, temperature=1, seed=3, stream=True)
    assert {choice.index for chunk in streamed for choice in chunk.choices} == {0, 1}


def test_a_stop_string_ends_the_answer_before_it(client: openai.OpenAI) -> None:
    text = chat(client, max_tokens=30).choices[0].message.content
    stop = text[8:11]
    stopped = chat(client, max_tokens=30, stop=[stop]).choices[0]
    assert stopped.message.content == text[: text.index(stop)]
    assert stopped.finish_reason == "stop"


def test_logprobs_come_with_each_token_and_the_likeliest_first(client: openai.OpenAI) -> None:
    tokens = chat(client, logprobs=True, top_logprobs=3).choices[0].logprobs.content
    assert len(tokens) == 12
    for token in tokens:
        assert token.token == token.top_logprobs[0].token  # greedy
        likelihoods = [one.logprob for one in token.top_logprobs]
        assert likelihoods == sorted(likelihoods, reverse=True)
        assert max(likelihoods) <= 0


@pytest.mark.parametrize("effort", ["none", "high"])
def test_reasoning_effort_reaches_the_prompt(client: openai.OpenAI, effort: str) -> None:
    by_default = chat(client).usage.prompt_tokens
    answer = chat(client, reasoning_effort=effort)
    assert answer.choices[0].message.content or answer.choices[0].message.reasoning
    # `none` is the default, written into the prompt alike; the two words differ in tokens.
    assert (answer.usage.prompt_tokens == by_default) == (effort == "none")


def test_the_model_is_listed_under_its_name(client: openai.OpenAI) -> None:
    (model,) = client.models.list()
    assert (model.id, model.to_dict()["max_model_len"]) == (MODEL, 4096)
