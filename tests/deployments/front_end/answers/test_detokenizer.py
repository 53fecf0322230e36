from pathlib import Path
from typing import Any

import pytest
from vllm.sampling_params import SamplingParams
from vllm.tokenizers.mistral import MistralTokenizer
from vllm.v1.engine import EngineCoreRequest, output_processor
from vllm.v1.engine.detokenizer import IncrementalDetokenizer

from deployments.front_end.answers import detokenizer as detokenizer_module
from deployments.front_end.answers.marks import ARGS, CALL, END
from model_shards.nano import NANO
from model_shards.tekken import small_tekken

TEXT = "naïve 東京 👩‍🚀 ☔ <s>[ARGS]"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> MistralTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tekken.json"
    path.write_text(small_tekken(NANO))
    return MistralTokenizer.from_pretrained(str(path.parent))


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_processor, "IncrementalDetokenizer", IncrementalDetokenizer)
    detokenizer_module.install()


def request(
    *, parsed: bool = False, prompt: list[int] | None = None, **params: Any
) -> EngineCoreRequest:
    return EngineCoreRequest(
        request_id="0",
        prompt_token_ids=prompt or [1],
        mm_features=None,
        sampling_params=SamplingParams(**params),
        pooling_params=None,
        arrival_time=0,
        lora_request=None,
        cache_salt=None,
        data_parallel_rank=None,
        reasoning_parser_kwargs={} if parsed else None,
    )


def made(tokenizer: MistralTokenizer, asked: EngineCoreRequest) -> Any:
    return output_processor.IncrementalDetokenizer.from_new_request(tokenizer, asked)


def text_of(detokenizer: Any, tokens: list[int], *, ends: bool = False) -> str:
    parts = []
    for number, token in enumerate(tokens, 1):
        stopped = detokenizer.update([token], ends and number == len(tokens))
        over = stopped is not None or number == len(tokens)
        parts.append(detokenizer.get_next_output_text(over, True))
        if over:
            break
    return "".join(parts)


def control(tokenizer: MistralTokenizer, *texts: str) -> list[int]:
    return [tokenizer.get_vocab()[text] for text in texts]


@pytest.mark.parametrize("parsed", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_no_character_is_lost(tokenizer: MistralTokenizer, parsed: bool, skip: bool) -> None:
    tokens = tokenizer.encode(TEXT, add_special_tokens=False)
    asked = request(parsed=parsed, skip_special_tokens=skip)
    assert text_of(made(tokenizer, asked), tokens) == TEXT
    together = made(tokenizer, asked)
    together.update(tokens, False)
    assert together.output_text == TEXT


def test_vllms_own_loses_some(tokenizer: MistralTokenizer) -> None:
    """Once it doesn't, our detokenizer can go."""
    tokens = tokenizer.encode(TEXT, add_special_tokens=False)
    asked = request(skip_special_tokens=False)
    assert "\ufffd" in text_of(IncrementalDetokenizer.from_new_request(tokenizer, asked), tokens)


def test_a_control_token_is_a_mark_for_a_parser_and_text_for_others(
    tokenizer: MistralTokenizer,
) -> None:
    call, args, begin, end = control(tokenizer, "[TOOL_CALLS]", "[ARGS]", "<s>", "</s>")
    name = tokenizer.encode("é", add_special_tokens=False)
    tokens = [call, *name, args, begin, end]
    assert text_of(made(tokenizer, request()), tokens, ends=True) == "[TOOL_CALLS]é[ARGS]"
    assert text_of(made(tokenizer, request(parsed=True)), tokens, ends=True) == (
        f"{CALL}é{ARGS}{END}"
    )
    assert END not in text_of(made(tokenizer, request(parsed=True)), tokens)  # cut off


def test_a_stop_string_holds_marks_back_and_ends_the_answer(tokenizer: MistralTokenizer) -> None:
    (call,) = control(tokenizer, "[TOOL_CALLS]")
    tokens = [call, *tokenizer.encode("ab.\n\nc", add_special_tokens=False)]
    detokenizer = made(tokenizer, request(parsed=True, stop=["\n\n"]))
    assert text_of(detokenizer, tokens) == f"{CALL}ab.{END}"


def test_a_character_that_the_prompt_has_begun_is_ended(tokenizer: MistralTokenizer) -> None:
    first, *others = tokenizer.encode("東", add_special_tokens=False)
    assert others
    assert text_of(made(tokenizer, request(prompt=[1, first])), others) == "東"


def test_a_broken_character_is_shown_as_such(tokenizer: MistralTokenizer) -> None:
    first, *_ = tokenizer.encode("東", add_special_tokens=False)
    (word,) = tokenizer.encode("a", add_special_tokens=False)
    (args,) = control(tokenizer, "[ARGS]")
    tokens = [first, word, first, args, first]
    assert text_of(made(tokenizer, request()), tokens) == "\ufffda\ufffd[ARGS]"
