"""Completions, tokenize and detokenize, the list of models."""

from typing import Any

import httpx
import openai
import pytest

from tests.system.served.deployed import MODEL, Deployed
from tests.system.served.expert_parallel.asking import QUESTION, chat, counts

PROMPT = "The sea is"


def complete(client: openai.OpenAI, **options: Any) -> Any:
    defaults = {"model": MODEL, "prompt": PROMPT, "max_tokens": 8, "temperature": 0}
    return client.completions.create(**{**defaults, **options})


def tokens_of(deployed: Deployed, **what: Any) -> dict[str, Any]:
    answer = httpx.post(f"{deployed.url}/tokenize", json={"model": MODEL, **what}, timeout=60)
    tokens: dict[str, Any] = answer.raise_for_status().json()
    return tokens


def test_a_completion_has_openais_form(client: openai.OpenAI) -> None:
    answer = complete(client)
    assert answer.id.startswith("cmpl-")
    assert (answer.object, answer.model) == ("text_completion", MODEL)
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason) == (0, "length")
    assert choice.text
    assert answer.usage.completion_tokens == 8


def test_a_stream_is_the_completion_in_pieces(client: openai.OpenAI) -> None:
    *chunks, last = complete(client, stream=True, stream_options={"include_usage": True})
    pieces = [chunk.choices[0].text for chunk in chunks]
    whole = complete(client)
    assert "".join(pieces) == whole.choices[0].text
    assert len(pieces) > 1
    assert chunks[-1].choices[0].finish_reason == "length"
    assert counts(last.usage) == counts(whole.usage)


def test_tokens_are_as_good_as_their_text(client: openai.OpenAI, deployed: Deployed) -> None:
    tokens = tokens_of(deployed, prompt=PROMPT)["tokens"]
    assert complete(client, prompt=tokens).choices[0].text == complete(client).choices[0].text


def test_several_prompts_are_completed_each(client: openai.OpenAI) -> None:
    both = complete(client, prompt=[PROMPT, "A ship has"]).choices
    assert [choice.index for choice in both] == [0, 1]
    assert both[0].text == complete(client).choices[0].text
    assert both[1].text == complete(client, prompt="A ship has").choices[0].text


def test_echo_repeats_the_prompt(client: openai.OpenAI) -> None:
    assert complete(client, echo=True).choices[0].text == PROMPT + complete(client).choices[0].text


@pytest.mark.parametrize("text", ["Grüße, 世界!", "  blanks\n", "[INST]"])
def test_detokenize_undoes_tokenize(deployed: Deployed, text: str) -> None:
    tokens = tokens_of(deployed, prompt=text, add_special_tokens=False)
    assert tokens["count"] == len(tokens["tokens"])
    assert tokens["max_model_len"] == 4096
    back = httpx.post(
        f"{deployed.url}/detokenize", json={"model": MODEL, "tokens": tokens["tokens"]}, timeout=60
    )
    assert back.json()["prompt"] == text


def test_a_conversation_is_tokenized_as_it_is_asked(
    client: openai.OpenAI, deployed: Deployed
) -> None:
    count = tokens_of(deployed, messages=QUESTION)["count"]
    assert count == chat(client, max_tokens=1).usage.prompt_tokens


def test_the_model_is_listed_under_its_name(client: openai.OpenAI) -> None:
    (model,) = client.models.list()
    assert (model.id, model.object) == (MODEL, "model")
    assert model.to_dict()["max_model_len"] == 4096


def test_the_model_is_found_by_its_name(client: openai.OpenAI) -> None:
    (listed,) = client.models.list()
    found = client.models.retrieve(MODEL)
    assert (found.id, found.to_dict()["max_model_len"]) == (
        MODEL,
        listed.to_dict()["max_model_len"],
    )
    with pytest.raises(
        openai.NotFoundError, match=r"`nope` does not exist\. Valid ids: mistral-small-4"
    ):
        client.models.retrieve("nope")
