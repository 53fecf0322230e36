"""The work of the first of four ranks on a checkpoint: it reads tensors, and copies its own.

vLLM's side is the iterators that its DefaultModelLoader takes from a local disk for `load_format`
mistral and instanttensor, and the filter of `enable_ep_weight_filter`, read from vLLM 0.32. The
multithreaded reader ignores the filter.
"""

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch

from deployments.bench.shards.page_cache import drop, warm
from model_shards.loading.open_set import open_set
from model_shards.loading.weight_stream import WeightStream
from model_shards.nano import NANO
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.tensor_file import Named

RANK, RANKS = 0, 4


class Loader(StrEnum):
    """A way to load, as tables name it."""

    PLAIN = "vLLM"
    THREADED = "vLLM multithreaded"  # enable_multithread_load, with its default of threads
    FILTERED = "vLLM with EP filter"  # enable_ep_weight_filter
    INSTANT = "vLLM InstantTensor with EP filter"  # load_format instanttensor
    SMALL4 = "small4"
    UNVERIFIED = "small4 unverified"


_OURS = Loader.SMALL4, Loader.UNVERIFIED


class Cache(StrEnum):
    """The state of the page cache before a load."""

    COLD = "cold"
    WARM = "warm"


@dataclass(frozen=True, slots=True)
class Load:
    """One process's load: what came from the disk, and what was kept as the rank's own."""

    took_s: float
    disk_bytes: int
    kept_bytes: int
    kept_tensors: int


@dataclass(frozen=True, slots=True)
class Loading:
    """A checkpoint's weight files, and the shard set that was cut from it."""

    weights: Sequence[Path]
    shard_set: Path

    def files(self, loader: Loader) -> list[Path]:
        """Return the files that a loader may read."""
        if loader not in _OURS:
            return list(self.weights)
        own = Manifest.load(self.shard_set).weights_of([RANK], RANKS)
        return [self.shard_set / file.name for file in own]

    def tensors(self, loader: Loader) -> Iterator[Named]:
        """Return the tensors that a loader hands out: every rank's experts from vLLM unfiltered."""
        if loader not in _OURS:
            return _from_vllm([str(path) for path in self.weights], loader)
        opened = open_set(str(self.shard_set), self.shard_set)
        files = opened.manifest.weights_of([RANK], RANKS)
        return WeightStream(opened, files, verify=loader is Loader.SMALL4).tensors()

    def refusal(self, loader: Loader) -> str | None:
        """Return why vLLM refuses a loader on this machine, if it does."""
        try:
            next(self.tensors(loader))
        except (ImportError, ValueError) as error:
            return str(error)
        return None

    def measure(self, loader: Loader, cache: Cache) -> Load:
        """Load in a process of its own, forked from one that has done all imports."""
        (drop if cache is Cache.COLD else warm)(self.files(loader))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(
            [__name__, "vllm.model_executor.model_loader.default_loader"]
        )
        with context.Pool(1, maxtasksperchild=1) as pool:
            return pool.apply(load, (self, loader))


def load(loading: Loading, loader: Loader) -> Load:
    """Load into memory that is there already, as a model's parameters are."""
    own_bytes = sum(path.stat().st_size for path in loading.files(Loader.SMALL4))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    memory = torch.zeros(own_bytes, dtype=torch.uint8, device=device)
    memory.fill_(1)  # zeros may be pages that aren't there yet
    started_s, disk_bytes = time.perf_counter(), _disk_bytes()
    kept_bytes, kept_tensors = keep(loading.tensors(loader), memory)
    if memory.is_cuda:
        torch.cuda.synchronize()
    took_s = time.perf_counter() - started_s
    return Load(took_s, _disk_bytes() - disk_bytes, kept_bytes, kept_tensors)


def keep(tensors: Iterable[Named], memory: torch.Tensor) -> tuple[int, int]:
    """Copy base and own experts, one after another; return the number of `(bytes, tensors)`.

    Other ranks' experts, where a loader hands them out, are skipped untouched, as vLLM's models
    skip them.
    """
    from vllm.model_executor.model_loader.ep_weight_filter import parse_expert_id

    local = local_experts()
    kept_bytes, kept_tensors = 0, 0
    for name, tensor in tensors:
        if (expert := parse_expert_id(name)) is None or expert in local:
            end = kept_bytes + tensor.nbytes
            memory[kept_bytes:end].copy_(tensor.reshape(-1).view(torch.uint8))
            kept_bytes, kept_tensors = end, kept_tensors + 1
    return kept_bytes, kept_tensors


def _from_vllm(paths: list[str], loader: Loader) -> Iterator[Named]:
    from vllm.model_executor.model_loader import weight_utils
    from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

    tensors: Iterator[Named]
    if loader is Loader.THREADED:
        threads = DefaultModelLoader.DEFAULT_NUM_THREADS
        tensors = weight_utils.multi_thread_safetensors_weights_iterator(paths, False, threads)
    elif loader is Loader.INSTANT:
        tensors = weight_utils.instanttensor_weights_iterator(paths, False, local_experts())
    else:
        local = local_experts() if loader is Loader.FILTERED else None
        tensors = weight_utils.safetensors_weights_iterator(paths, False, local_expert_ids=local)
    return tensors


def local_experts() -> set[int]:
    """Return the rank's experts, as vLLM's filter has them."""
    from vllm.model_executor.model_loader.ep_weight_filter import compute_local_expert_ids

    return compute_local_expert_ids(NANO.moe.num_experts, RANKS, RANK) or set()


def _disk_bytes() -> int:
    """Return the bytes from storage for all threads of this process, readahead included."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])
