"""A draft head on its way: cut along, sent, fetched, checked and loaded as it was."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from vllm.config import LoadConfig

from configs.errors import CheckpointError, StoreError
from configs.speculation import DRAFT
from model_shards.architecture import Architecture
from model_shards.draft_head import head_shapes
from model_shards.files.meter import Meter
from model_shards.loading.loader import ExpertShardLoader
from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.split import split
from model_shards.shard_set.verify import verify
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.pull import pull
from model_shards.store.push import push
from model_shards.store.ranks import Ranks
from tests.model_shards.nano_head import write_head

_ORDER = linear_order(NANO.n_layers, NANO.moe.num_experts)
_REAL = Path("configs/models/mistral-small-4.json")


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_head(tmp_path_factory.mktemp("head") / "nano-eagle")


@pytest.fixture(scope="module")
def shard_set(head: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("draft") / "set"
    split(TRAINED_NANO, out, _ORDER, 8, draft=head)
    return out


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def loaded(source: object, draft: Path, **options: str) -> dict[str, torch.Tensor]:
    """Load what the engine asks for a draft model in a directory."""
    options = {"source": str(source), **options}
    config = LoadConfig(load_format="expert_shards", model_loader_extra_config=options)
    model_config: Any = SimpleNamespace(runner_type="draft", model=str(draft), revision=None)
    return dict(ExpertShardLoader(config).get_all_weights(model_config, torch.nn.Module()))


def test_the_real_head_has_the_bytes_that_are_published() -> None:
    shapes = head_shapes(Architecture.read(_REAL))
    in_fp8 = sum(math.prod(shape) for _, shape in shapes)
    assert in_fp8 == pytest.approx(392e6, rel=0.002)


def test_a_head_goes_along_whole(shard_set: Path, head: Path) -> None:
    assert contents(shard_set / DRAFT) == contents(head)
    assert verify(shard_set) == []
    manifest = Manifest.load(shard_set)
    assert [file.name for file in manifest.draft] == ["draft/consolidated.safetensors"]
    assert "draft/params.json" in [file.name for file in manifest.companions]
    assert not any(DRAFT in file.name for file in manifest.weights_of([0], 1))


def test_a_head_that_was_altered_is_found(head: Path, tmp_path: Path) -> None:
    split(TRAINED_NANO, tmp_path / "set", _ORDER, 1, draft=head)
    weights = tmp_path / "set" / DRAFT / "consolidated.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert [fault.name for fault in verify(tmp_path / "set")] == [f"{DRAFT}/{weights.name}"]
    with pytest.raises(CheckpointError, match="SHA-256"):
        loaded(tmp_path / "set", weights.parent)
    weights.unlink()
    split(TRAINED_NANO, tmp_path / "set", _ORDER, 1, draft=head)  # only what is lost
    assert verify(tmp_path / "set") == []


def test_a_head_travels_through_s3(
    shard_set: Path, head: Path, location: Location, tmp_path: Path
) -> None:
    push(shard_set, location, Meter())
    pull(location, tmp_path / "whole", Meter())
    assert verify(tmp_path / "whole") == []
    pull(location, tmp_path / "rank", Meter(), Ranks((1,), 4))
    assert contents(tmp_path / "rank" / DRAFT) == contents(head)
    cache = NodeCache(location, tmp_path / "cache")
    draft = cache.companions() / DRAFT
    assert sorted(contents(draft)) == ["params.json"]  # what routers need of it
    tensors = loaded(location, draft, cache=str(tmp_path / "cache"))
    assert tensors.keys() == load_file(head / "consolidated.safetensors").keys()
    assert contents(draft) == contents(head)


def test_ranks_load_the_sets_own_head_or_another(shard_set: Path, head: Path) -> None:
    expected = load_file(head / "consolidated.safetensors")
    for draft in (shard_set / DRAFT, head):
        tensors = loaded(shard_set, draft)
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[name], expected[name]) for name in expected)


def test_a_head_of_another_model_is_refused(tmp_path: Path) -> None:
    other = write_head(tmp_path / "other", vocab_size=2241)
    with pytest.raises(CheckpointError, match=r"draft: .*params\.json has a vocab_size of 2241"):
        split(TRAINED_NANO, tmp_path / "set", _ORDER, 8, draft=other)
    (other / "params.json").unlink()
    with pytest.raises(CheckpointError, match=r"draft: .*params\.json isn't"):
        split(TRAINED_NANO, tmp_path / "set", _ORDER, 8, draft=other)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("seed", [None, 1])
def test_a_set_with_another_head_or_none_is_another_set(
    shard_set: Path, tmp_path: Path, seed: int | None
) -> None:
    other = None if seed is None else write_head(tmp_path / "other", seed)
    with pytest.raises(StoreError, match="holds another shard set"):
        split(TRAINED_NANO, shard_set, _ORDER, 8, draft=other)
    assert verify(shard_set) == []
