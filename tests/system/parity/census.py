"""Reads from a worker of vLLM 0.32 which experts it holds, and what it has read for them."""

from pathlib import Path
from typing import Any

from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader


class ExpertCensus:
    """vLLM mixes this into its worker class (`worker_extension_cls`)."""

    model_runner: Any

    def read_bytes(self) -> int:
        """By read calls, as the kernel counts them, while weights were loaded."""
        return _Counted.read_bytes

    def weight_bytes(self) -> int:
        """Of the model's parameters and buffers, as they were before kernels repacked some."""
        return _Counted.weight_bytes

    def cache(self) -> tuple[int, int]:
        """Tokens that the KV cache has room for, and its bytes."""
        config = self.model_runner.cache_config
        held = {t.data_ptr(): t.nbytes for t in self.model_runner.kv_caches}
        return config.num_gpu_blocks * config.block_size, sum(held.values())

    def held_experts(self) -> list[dict[str, Any]]:
        """A `HeldExperts` for each MoE layer, counted on the layer's own weights."""
        layers = (m for m in self.model_runner.model.modules() if isinstance(m, RoutedExperts))
        return [{"ids": _ids(layer), "weights": len(layer.w13_weight)} for layer in layers]


def _ids(layer: Any) -> list[int]:
    if layer.expert_map is None:
        return list(range(layer.global_num_experts))
    return [expert for expert, local in enumerate(layer.expert_map.tolist()) if local >= 0]


class _Counted:
    """vLLM imports this module before a worker loads its weights, and so it is around that."""

    read_bytes = 0
    weight_bytes = 0
    _load = DefaultModelLoader.load_weights

    def load_weights(self: DefaultModelLoader, model: Any, *args: Any, **kwargs: Any) -> None:
        before = _all_read_bytes()
        _Counted._load(self, model, *args, **kwargs)
        _Counted.read_bytes += _all_read_bytes() - before
        tensors = (*model.parameters(), *model.buffers())
        _Counted.weight_bytes = sum({t.data_ptr(): t.nbytes for t in tensors}.values())


def _all_read_bytes() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


DefaultModelLoader.load_weights = _Counted.load_weights
