"""vLLM's `load_format: expert_shards`: a rank reads the base and its own experts, no more.

`model_loader_extra_config` may hold `source` (a directory or `s3://bucket/prefix`; else the model's
own directory), `cache` (for files from S3), `cache_limits`, and `verify` (SHA-256 of what is read;
on by default). Written for vLLM 0.32.
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
from configs.weights import CacheLimits
from model_shards.loading import redundant_experts
from model_shards.loading.activation_scales import refuse_foreign_scales, refuse_own_scales
from model_shards.loading.open_set import OpenSet, open_set
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
    cache_limits: CacheLimits = CacheLimits()
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
        cache = self.cache.expanduser()
        return open_set(self.source or model, cache, self.cache_limits, verify=self.verify)


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
        # What vLLM's line "Loading weights took" counts from; only its own reader sets it.
        self.counter_before_loading_weights = time.perf_counter()
        if model_config.runner_type == "draft":  # it has weights of its own, in one piece
            yield from self._draft(model_config, model)
            return
        started_s = self.counter_before_loading_weights
        parallel = get_current_vllm_config().parallel_config
        refuse_moved_experts(parallel)
        refuse_own_scales(get_current_vllm_config())
        opened = self._options.open(model_config.model)
        redundant_experts.require_slots(parallel, opened.manifest.replicas)
        rank, size = place_of(model, opened.manifest)
        files = opened.manifest.weights_of([rank], size)
        opened.require(files)
        stream = WeightStream(opened, files, verify=self._options.verify)
        redundant_experts.hold(opened.manifest, size)
        yield from redundant_experts.named_for_vllm(stream.tensors(), opened.manifest, size)
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
                opened.require(opened.manifest.draft)
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
    redundant_experts.require_slots(parallel, opened.manifest.replicas)
    workers = parallel.tensor_parallel_size * parallel.prefill_context_parallel_size
    first, size = parallel.data_parallel_rank * workers, parallel.data_parallel_size * workers
    if not parallel.enable_expert_parallel:
        first, workers, size = 0, 1, 1
    files = opened.manifest.weights_of(range(first, first + workers), size)
    draft = opened.manifest.draft if _drafts_by_own(vllm_config.speculative_config) else ()
    opened.require((*files, *draft))


def _drafts_by_own(speculative_config: Any) -> bool:
    """Tell whether the engine guesses tokens by the head that travels with the set."""
    model = getattr(speculative_config, "model", None)
    return model is not None and Path(model).name == DRAFT


def refuse_moved_experts(parallel_config: Any) -> None:
    """Raise ConfigError if the engine puts an expert elsewhere than in its rank's own groups."""
    placement = parallel_config.expert_placement_strategy
    if placement != "linear":
        raise ConfigError(
            f"engine.expert_placement_strategy: {placement!r} scatters a rank's experts over all "
            "groups of a shard set. Leave it out, for 'linear'; to spread hot experts, split with "
            "--placement balanced."
        )


def place_of(model: torch.nn.Module, manifest: Manifest) -> tuple[int, int]:
    """Return `(rank, number of ranks that share the experts)`, as the layers are really laid out.

    Raises CheckpointError if the set isn't cut that way.
    """
    places = set()
    for module in model.modules():
        if (manager := getattr(module, "expert_map_manager", None)) is None:
            continue
        rank, size = manager.ep_rank, manager.ep_size
        groups = manifest.groups_of(rank, size)
        slots = manifest.slots if size > 1 else manifest.num_experts
        width = slots // len(manifest.groups)
        held = manager.get_local_expert_ids()
        refuse_foreign_scales(module, len(held))
        cut = list(range(groups.start * width, groups.stop * width))
        if held != cut or manager.global_num_experts != slots:
            raise CheckpointError(
                f"weights: rank {rank} of {size} holds {len(held)} experts of "
                f"{manager.global_num_experts}, from {held[0]} to {held[-1]}; this shard set has "
                f"{slots}, for that rank those from {cut[0]} to {cut[-1]}. It is of "
                "another checkpoint than params.json tells: split that one."
            )
        places.add((rank, size))
    if len(places) != 1:
        raise CheckpointError(
            "weights: this model's layers don't share their experts in one way, as a shard set's "
            "do. Set weights.format: mistral."
        )
    return places.pop()
