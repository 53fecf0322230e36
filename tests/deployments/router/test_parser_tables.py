from pathlib import Path

import pytest
from vllm.parser.engine import streaming_parser_engine
from vllm.parser.mistral import mistral_config
from vllm.tokenizers.mistral import MistralTokenizer

from deployments.router import parser_tables
from model_shards.nano import NANO
from model_shards.tekken import small_tekken


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> MistralTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tekken.json"
    path.write_text(small_tekken(NANO))
    return MistralTokenizer.from_pretrained(str(path.parent))


def test_tables_are_built_once_a_configuration(
    tokenizer: MistralTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    build = parser_tables._build

    def noted(*given: object) -> object:
        built.append(given)
        return build(*given)

    monkeypatch.setattr(parser_tables, "_build", noted)
    with_thoughts = mistral_config(reasoning_encoding="special_token")
    without = mistral_config(reasoning_encoding="none")
    for config in (with_thoughts, without, with_thoughts, without):
        parser_tables.shared_tables(config, tokenizer)
    assert built == [(with_thoughts, tokenizer), (without, tokenizer)]


def test_shared_tables_are_those_of_vllm(tokenizer: MistralTokenizer) -> None:
    config = mistral_config(reasoning_encoding="special_token")
    shared = parser_tables.shared_tables(config, tokenizer)
    own = parser_tables._build(config, tokenizer)
    assert shared.extra_token_ids == own.extra_token_ids
    assert len(shared.extra_token_ids) > 900  # the cost that is saved: one pattern for each


def test_install_reaches_vllms_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_parser_engine, "_build_drop_info", parser_tables._build)
    parser_tables.install()
    assert streaming_parser_engine._build_drop_info is parser_tables.shared_tables
