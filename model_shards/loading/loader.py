"""vLLM's `load_format: expert_shards`: a rank reads the base and its own experts, no more.

`model_loader_extra_config` may hold `source` (a directory or `s3://bucket/prefix`; else the model's
own directory), `cache` (for files from S3) and `verify` (SHA-256 of what is read; on by default).
Written for vLLM 0.32.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field, ValidationError
from vllm.config import get_current_vllm_config
from vllm.config.utils import replace
from vllm.model_executor import model_loader
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

from configs.errors import CheckpointError, ConfigError
from configs.schema import Strict
from configs.speculation import DRAFT
from model_shards.loading.open_set import OpenSet, open_set, require_here
from model_shards.loading.weight_stream import WeightStream
from model_shards.shard_set.manifest import Manifest

LOAD_FORMAT = "expert_shards"

logger = logging.getLogger("vllm.expert_shards")  # vLLM shows what is below its own name


def register() -> None:
    """Register the loader with vLLM.

    This is an entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice.
    """
    if LOAD_FORMAT not in model_loader._LOAD_FORMAT_TO_MODEL_LOADER:  # it would warn
        model_loader.register_model_loader(LOAD_FORMAT)(ExpertShardLoader)


class Options(Strict):
    """The options that `model_loader_extra_config` may hold."""

    source: str | None = None
    cache: Path = Path("~/.cache/small4/shard-sets")
    verify: bool = Field(default=True, strict=True)

    @classmethod
    def parse(cls, given: Any) -> Self:
        """Read options. Raises ConfigError, which names a wrong option or a wrong value."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(
                f"model_loader_extra_config: {given!r} isn't for load_format {LOAD_FORMAT}, which "
                f"takes {', '.join(cls.model_fields)}: {error}"
            ) from error

    def open(self, model: str) -> OpenSet:
        return open_set(self.source or model, self.cache.expanduser())


class ExpertShardLoader(DefaultModelLoader):
    """vLLM's own loader, except that tensors come from a shard set."""

    def __init__(self, load_config: Any) -> None:
        self._options = Options.parse(load_config.model_loader_extra_config)
        super().__init__(replace(load_config, model_loader_extra_config={}))

    def download_model(self, model_config: Any) -> None:
        """Fetch the set's manifest and companions only: which experts are ours isn't known yet."""
        self._options.open(model_config.model).companions()

    def get_all_weights(
        self, model_config: Any, model: torch.nn.Module
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield names and tensors that this rank reads.

        Raises CheckpointError or StoreError, at the latest after the last tensor.
        """
        if model_config.runner_type == "draft":  # it has weights of its own, in one piece
            yield from self._draft(model_config, model)
            return
        started_s = time.perf_counter()
        refuse_moved_experts(get_current_vllm_config().parallel_config)
        opened = self._options.open(model_config.model)
        rank, size = place_of(model, opened.manifest)
        files = opened.manifest.weights_of([rank], size)
        require_here(opened, files)
        stream = WeightStream(opened, files, verify=self._options.verify)
        yield from stream.tensors()
        took_s = time.perf_counter() - started_s
        logger.info(
            "expert_shards: rank %d of %d read %d files, %d bytes in %.2f s (%.2f GB/s), %s",
            rank,
            size,
            len(files),
            stream.read_bytes,
            took_s,
            stream.read_bytes / took_s / 1e9,
            "SHA-256 verified" if self._options.verify else "not verified",
        )

    def _draft(
        self, model_config: Any, model: torch.nn.Module
    ) -> Iterator[tuple[str, torch.Tensor]]:
        directory = Path(model_config.model)
        if directory.name == DRAFT and self._options.source is not None:
            opened = self._options.open(self._options.source)
            if opened.companions() == directory.parent:
                stream = WeightStream(opened, opened.manifest.draft, verify=self._options.verify)
                yield from stream.tensors()
                return
        whole = DefaultModelLoader(replace(self.load_config, load_format="mistral"))
        yield from whole.get_all_weights(model_config, model)


def check(vllm_config: Any) -> None:
    """Raise, before there is an engine, most errors that would keep its workers from loading."""
    parallel = vllm_config.parallel_config
    refuse_moved_experts(parallel)
    options = Options.parse(vllm_config.load_config.model_loader_extra_config)
    opened = options.open(vllm_config.model_config.model)
    workers = parallel.tensor_parallel_size * parallel.prefill_context_parallel_size
    first, size = parallel.data_parallel_rank * workers, parallel.data_parallel_size * workers
    if not parallel.enable_expert_parallel:
        first, workers, size = 0, 1, 1
    files = opened.manifest.weights_of(range(first, first + workers), size)
    require_here(opened, (*files, *opened.manifest.draft))


def refuse_moved_experts(parallel_config: Any) -> None:
    """Raise ConfigError if the engine puts an expert elsewhere than in its rank's own groups."""
    placement = parallel_config.expert_placement_strategy
    if placement != "linear":
        raise ConfigError(
            f"engine.expert_placement_strategy: {placement!r} scatters a rank's experts over all "
            "groups of a shard set. Leave it out, for 'linear'; to spread hot experts, split with "
            "--placement balanced."
        )
    redundant = parallel_config.eplb_config.num_redundant_experts
    if parallel_config.enable_eplb or redundant:
        raise ConfigError(
            f"engine.enable_eplb: {parallel_config.enable_eplb}, with {redundant} redundant "
            "experts, moves experts between ranks, and a rank reads its own only. Leave it out "
            "and split with --placement balanced, or set weights.format: mistral."
        )


def place_of(model: torch.nn.Module, manifest: Manifest) -> tuple[int, int]:
    """Return `(rank, number of ranks that share the experts)`, as the layers are really laid out.

    Raises CheckpointError if the set isn't cut that way.
    """
    places = set()
    for module in model.modules():
        if (manager := getattr(module, "expert_map_manager", None)) is None:
            continue
        _refuse_foreign_scales(module, manager.ep_size)
        rank, size = manager.ep_rank, manager.ep_size
        groups = manifest.groups_of(rank, size)
        width = manifest.num_experts // len(manifest.groups)
        held = manager.get_local_expert_ids()
        cut = list(range(groups.start * width, groups.stop * width))
        if held != cut or manager.global_num_experts != manifest.num_experts:
            raise CheckpointError(
                f"weights: rank {rank} of {size} holds {len(held)} experts of "
                f"{manager.global_num_experts}, from {held[0]} to {held[-1]}; this shard set has "
                f"{manifest.num_experts}, for that rank those from {cut[0]} to {cut[-1]}. It is of "
                "another checkpoint than params.json tells: split that one."
            )
        places.add((rank, size))
    if len(places) != 1:
        raise CheckpointError(
            "weights: this model's layers don't share their experts in one way, as a shard set's "
            "do. Set weights.format: mistral."
        )
    return places.pop()


def _refuse_foreign_scales(layer: Any, size: int) -> None:
    # Some of vLLM's NVFP4 kernels take the largest activation scale of all experts, read or not.
    if size > 1 and getattr(getattr(layer, "quant_method", None), "use_global_sf", False):
        raise CheckpointError(
            "weights: the engine's NVFP4 kernel wants a scale of every expert on every rank, and a "
            "rank reads its own only. Set engine.moe_backend to one without FlashInfer, such as "
            "marlin, or weights.format: mistral."
        )
