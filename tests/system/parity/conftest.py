"""One checkpoint, one reference and each engine, made once for all parity tests."""

import json
import random
from pathlib import Path

import pytest

from model_shards.architecture import Architecture
from model_shards.nano import NANO, build_nano
from model_shards.transformers_weights import Tensors
from tests.model_shards.conftest import location, proxy, server_port  # noqa: F401 - fixtures
from tests.system.parity.generation import Outcome, Request
from tests.system.parity.reference import Reference, load_tensors
from tests.system.parity.runs import outcome

_ORIGINAL_TOKENS = 64
# Of 28 x 28 pixels each becomes a token; rows end with a break, the last with an end.
_PICTURE_SIZE = (56, 84)
_PICTURE = [10, 10, 10, 12, 10, 10, 10, 13]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a nano that claims to be trained on 64 positions instead of 8192.

    So YaRN's ramp and several steps of the query scaling lie within short prompts.
    """
    path = build_nano(tmp_path_factory.mktemp("parity") / "nano")
    params = json.loads((path / "params.json").read_bytes())
    params["yarn"]["original_max_position_embeddings"] = _ORIGINAL_TOKENS
    params["llama_4_scaling"]["original_max_position_embeddings"] = _ORIGINAL_TOKENS
    params["max_position_embeddings"] = _ORIGINAL_TOKENS * int(params["yarn"]["factor"])
    (path / "params.json").write_text(json.dumps(params))
    return path


@pytest.fixture(scope="session")
def architecture(checkpoint: Path) -> Architecture:
    return Architecture.load(checkpoint)


@pytest.fixture(scope="session")
def tensors(checkpoint: Path) -> Tensors:
    return load_tensors(checkpoint)


@pytest.fixture(scope="session")
def reference(architecture: Architecture, tensors: Tensors) -> Reference:
    return Reference(architecture, tensors)


@pytest.fixture(scope="session")
def one_rank(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome(checkpoint, "float32", 1, _waves(), tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="session")
def two_ranks(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome(checkpoint, "float32", 2, _waves(), tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def two_ranks_bfloat16(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome(checkpoint, "bfloat16", 2, _waves(), tmp_path_factory.mktemp("bfloat16"))


def _waves() -> list[list[Request]]:
    """Make uneven work: rank 0 has most of the first wave and idles throughout the second."""
    # With this seed the likeliest token leads by 0.007 nats everywhere: no answer is a near tie.
    draw = random.Random(7)

    def request(text_tokens: int, output_tokens: int, rank: int, *, shown: bool = False) -> Request:
        text = draw.choices(range(1000, NANO.vocab_size), k=text_tokens)
        return Request(
            prompt=[1, *(_PICTURE if shown else []), *text],
            picture_size=_PICTURE_SIZE if shown else None,
            output_tokens=output_tokens,
            rank=rank,
        )

    sizes = [(0, 40, 0), (300, 32, 0), (16, 64, 0), (90, 33, 1), (4, 36, 0)]
    return [
        [*(request(*size) for size in sizes), request(20, 32, 1, shown=True)],
        [request(32, 48, 1)],
    ]
