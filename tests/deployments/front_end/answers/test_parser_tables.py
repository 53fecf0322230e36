from pathlib import Path
from typing import Any

import pytest
from vllm.parser.engine import parser_engine, streaming_parser_engine
from vllm.parser.engine.streaming_parser_engine import StreamingParserEngine
from vllm.parser.mistral import mistral_config
from vllm.tokenizers.mistral import MistralTokenizer

from deployments.front_end.answers import parser_tables
from deployments.front_end.answers.parser_tables import engine_sharing_tables
from model_shards.nano import NANO
from model_shards.tekken import small_tekken

THINKING = mistral_config(reasoning_encoding="special_token")
PLAIN = mistral_config(reasoning_encoding="none")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> MistralTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tekken.json"
    path.write_text(small_tekken(NANO))
    return MistralTokenizer.from_pretrained(str(path.parent))


def test_tables_are_built_once_a_configuration(
    tokenizer: MistralTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    build = streaming_parser_engine._build_drop_info

    def noted(config: Any, tokenizer: Any) -> Any:
        built.append(config)
        return build(config, tokenizer)

    monkeypatch.setattr(streaming_parser_engine, "_build_drop_info", noted)
    monkeypatch.setattr(parser_tables, "_originals", type(parser_tables._originals)())
    for config in (THINKING, PLAIN, THINKING, PLAIN):
        engine_sharing_tables(config, tokenizer)
    assert built == [THINKING, PLAIN]


def test_parsers_under_way_dont_disturb_each_other(tokenizer: MistralTokenizer) -> None:
    think, end = (tokenizer.get_vocab()[token] for token in ("[THINK]", "[/THINK]"))
    (word,) = tokenizer.encode("a", add_special_tokens=False)
    deltas: list[tuple[str, list[int]]] = [
        ("[THINK]", [think]),
        ("a [", [word]),
        ("b", [word]),
        ("[/THINK]", [end]),
        ("a", [word, 999]),
    ]
    own = StreamingParserEngine(THINKING, tokenizer)
    expected = [own.feed(*delta) for delta in deltas]
    assert any(expected)
    ahead, behind = (engine_sharing_tables(THINKING, tokenizer) for _ in range(2))
    outputs: list[list[Any]] = [[], []]
    for number in range(len(deltas) + 1):
        if number < len(deltas):
            outputs[0].append(ahead.feed(*deltas[number]))
        if number > 0:
            outputs[1].append(behind.feed(*deltas[number - 1]))
    assert outputs == [expected, expected]
    late = engine_sharing_tables(THINKING, tokenizer)
    assert [late.feed(*delta) for delta in deltas] == expected


def test_install_reaches_vllms_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_engine, "StreamingParserEngine", StreamingParserEngine)
    parser_tables.install()
    assert parser_engine.StreamingParserEngine is engine_sharing_tables
