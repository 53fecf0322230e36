"""Sizes of parts, against the files of nano and what is published about the 119B."""

from pathlib import Path

import pytest

from configs.schema import PROJECT_ROOT
from model_shards.architecture import Architecture
from model_shards.nano import TRAINED_NANO
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.safetensors_header import read_header
from model_shards.shard_set.split import split
from model_shards.sizes import Precision, full_bytes, latent_bytes, parameters, weight_bytes

GIVEN = Architecture.read(PROJECT_ROOT / "configs/models/mistral-small-4.json")


def test_the_119b_has_the_parameters_that_mistral_states() -> None:
    counted = parameters(GIVEN)
    assert counted.total - counted.vision == pytest.approx(118.97e9, rel=0.001)
    assert counted.total == pytest.approx(119.40e9, rel=0.003)


@pytest.mark.parametrize(
    ("precision", "published_gb"), [("fp8", 121), ("nvfp4", 72), ("bf16", 239)]
)
def test_its_checkpoints_are_as_large_as_published(
    precision: Precision, published_gb: float
) -> None:
    assert weight_bytes(GIVEN, precision).total / 1e9 == pytest.approx(published_gb, rel=0.01)


def test_a_token_of_its_cache_is_a_latent() -> None:
    assert latent_bytes(GIVEN) == 23_040
    assert latent_bytes(GIVEN, element_bytes=1) == 11_520
    assert full_bytes(GIVEN) == 2 * 32 * 128 * 2 * 36


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nano = Architecture.load(TRAINED_NANO)
    directory = tmp_path_factory.mktemp("sizes") / "set"
    split(TRAINED_NANO, directory, linear_order(nano.n_layers, nano.moe.num_experts), 4)
    return directory


@pytest.mark.parametrize("expert_parallel", [1, 2, 4])
def test_ranks_of_nano_read_what_is_predicted_to_the_byte(
    shards: Path, expert_parallel: int
) -> None:
    predicted = weight_bytes(Architecture.load(TRAINED_NANO), "bf16").of_rank(expert_parallel)
    for rank in range(expert_parallel):
        files = Manifest.load(shards).weights_of([rank], expert_parallel)
        tensors = [tensor for file in files for tensor in read_header(shards / file.name)[1]]
        assert sum(tensor.size_bytes for tensor in tensors) == predicted
