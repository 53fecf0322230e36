import json
from pathlib import Path

import pytest
from mistral_common.protocol.instruct.messages import UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest, ReasoningEffort
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from safetensors import safe_open

from configs.errors import CheckpointError
from model_shards.architecture import Architecture
from model_shards.nano import NANO, TRAINED_NANO, build_nano
from model_shards.tensors import INDEX, tensor_shapes


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("checkpoint") / "nano")


@pytest.fixture(params=["noise", "trained"])
def checkpoint(request: pytest.FixtureRequest, nano: Path) -> Path:
    return TRAINED_NANO if request.param == "trained" else nano


def test_it_has_the_real_layout_and_is_small(checkpoint: Path) -> None:
    files = sorted(checkpoint.glob("consolidated-*.safetensors"))
    assert len(files) >= 2
    assert sum(file.stat().st_size for file in checkpoint.iterdir()) < 32e6
    assert Architecture.load(checkpoint) == NANO


def test_the_index_names_every_tensor_of_the_architecture_where_it_is(checkpoint: Path) -> None:
    weight_map = json.loads((checkpoint / INDEX).read_text())["weight_map"]
    shapes = {}
    for name in set(weight_map.values()):
        with safe_open(checkpoint / name, framework="pt") as file:
            for tensor in file.keys():  # noqa: SIM118 - not a mapping
                assert weight_map[tensor] == name
                shapes[tensor] = tuple(file.get_slice(tensor).get_shape())
    assert shapes == dict(tensor_shapes(NANO))


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_the_same_seed_gives_the_same_bytes(
    nano: Path, tmp_path: Path, seed: int, same: bool
) -> None:
    again = build_nano(tmp_path / "again", seed=seed)
    assert [file.name for file in sorted(again.iterdir())] == [
        file.name for file in sorted(nano.iterdir())
    ]
    weights = sorted(nano.glob("*.safetensors"))
    for file in weights:
        assert ((again / file.name).read_bytes() == file.read_bytes()) == same


def test_it_is_written_over_an_older_nano_but_over_nothing_else(nano: Path, tmp_path: Path) -> None:
    out = build_nano(tmp_path / "nano")
    build_nano(out)
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="name another directory"):
        build_nano(precious)
    assert (precious / "chapter.tex").read_text() == "years of work"


def test_another_checkpoint_is_not_replaced(tmp_path: Path) -> None:
    real = NANO.model_copy(update={"dim": 4096})
    (tmp_path / "params.json").write_text(real.model_dump_json())
    with pytest.raises(CheckpointError, match="isn't a nano checkpoint"):
        build_nano(tmp_path)


def test_its_tokenizer_is_a_tekken_v15_with_reasoning_effort(checkpoint: Path) -> None:
    tokenizer = MistralTokenizer.from_file(str(checkpoint / "tekken.json"))
    request: ChatCompletionRequest = ChatCompletionRequest(
        messages=[UserMessage(content="Grüße, 世界!")], reasoning_effort=ReasoningEffort.high
    )
    encoded = tokenizer.encode_chat_completion(request)
    assert max(encoded.tokens) < NANO.vocab_size
    assert "Grüße, 世界!" in tokenizer.decode(encoded.tokens)
    assert '"reasoning_effort": "high"' in (encoded.text or "")


def test_a_directory_without_a_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="small4 nano build"):
        Architecture.load(tmp_path)
