"""Loaders, on a checkpoint so small that a disk's readahead hides what a filter leaves out."""

from pathlib import Path

import pytest
import torch
import vllm.model_executor.model_loader.weight_utils  # noqa: F401 - else read while it's measured

from configs.errors import CheckpointError
from deployments.bench.shards.loading import Loader, Loading, keep, load, local_experts
from deployments.bench.shards.page_cache import drop, warm
from deployments.bench.shards.synthetic import architecture, ensure, plan
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.split import split

SMALL = architecture(8_000_000)
SIZES = {tensor.name: tensor.size_bytes for file in plan(SMALL) for tensor in file.tensors}
OWN = {name for name in SIZES if ".experts." not in name or int(name.split(".")[3]) < 32}


# InstantTensor needs an NVIDIA GPU.
HERE = [loader for loader in Loader if loader is not Loader.INSTANT or torch.cuda.is_available()]
UNFILTERED = (Loader.PLAIN, Loader.THREADED)


@pytest.fixture(scope="module")
def loading(disk: Path) -> Loading:
    weights = ensure(disk / "noise", SMALL)
    split(disk / "noise", disk / "set", linear_order(SMALL.n_layers, SMALL.moe.num_experts), 8)
    return Loading(weights, disk / "set")


@pytest.mark.parametrize("loader", HERE)
def test_each_hands_out_what_it_is_measured_for(loading: Loading, loader: Loader) -> None:
    assert local_experts() == set(range(32))
    names = [name for name, _ in loading.tensors(loader)]
    if loader in (Loader.FILTERED, Loader.INSTANT):  # vLLM leaves it every expert's scales
        names = [name for name in names if name in OWN or name.endswith(".weight")]
    assert sorted(names) == sorted(SIZES if loader in UNFILTERED else OWN)


def test_all_copy_the_same_bytes(loading: Loading) -> None:
    memories = [torch.zeros(sum(SIZES.values()), dtype=torch.uint8) for _ in HERE]
    for loader, memory in zip(HERE, memories, strict=True):
        keep(loading.tensors(loader), memory)
    sums = {int(memory.sum()) for memory in memories}
    own = [tensor for name, tensor in loading.tensors(Loader.PLAIN) if name in OWN]
    assert sums == {sum(int(tensor.flatten().view(torch.uint8).sum()) for tensor in own)}


@pytest.mark.parametrize("loader", HERE)
def test_each_keeps_what_is_the_ranks_own(loading: Loading, loader: Loader) -> None:
    warm(loading.files(loader))
    loaded = load(loading, loader)
    assert loaded.kept_tensors == len(OWN)
    assert loaded.kept_bytes == sum(SIZES[name] for name in OWN)
    assert loaded.disk_bytes == 0
    assert loaded.took_s > 0


@pytest.mark.parametrize("loader", HERE)
def test_what_comes_from_the_disk_is_counted(loading: Loading, loader: Loader) -> None:
    files = loading.files(loader)
    drop(files)
    loaded = load(loading, loader)
    files_bytes = sum(path.stat().st_size for path in files)
    assert loaded.kept_bytes <= loaded.disk_bytes <= 1.1 * files_bytes


@pytest.mark.skipif(torch.cuda.is_available(), reason="vLLM refuses InstantTensor without a GPU")
def test_what_vllm_refuses_is_refused_in_its_words(loading: Loading) -> None:
    refusals = {loader: loading.refusal(loader) for loader in Loader}
    refusal = refusals.pop(Loader.INSTANT) or ""
    assert "instanttensor" in refusal.lower()
    assert set(refusals.values()) == {None}


def test_only_one_of_ours_is_verified(loading: Loading) -> None:
    last = Manifest.load(loading.shard_set).groups[0][-1]
    content = bytearray((loading.shard_set / last.name).read_bytes())
    content[-1] ^= 1
    (loading.shard_set / last.name).write_bytes(content)
    load(loading, Loader.UNVERIFIED)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load(loading, Loader.SMALL4)
