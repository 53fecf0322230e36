"""Which experts a vLLM worker holds, and how much it has read for them. Read from vLLM 0.32."""

from pathlib import Path
from typing import Any

from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader


class ExpertCensus:
    """Methods that vLLM mixes into its worker class (`worker_extension_cls`)."""

    model_runner: Any

    def read_bytes(self) -> int:
        """Return the bytes of read calls while weights were loaded, as the kernel counts them."""
        return _Counted.read_bytes

    def weight_bytes(self) -> int:
        """Return the bytes of the model's parameters and buffers before kernels repacked some."""
        return _Counted.weight_bytes

    def cache(self) -> tuple[int, int]:
        """Return the tokens that the KV cache has room for, and its bytes."""
        config = self.model_runner.cache_config
        held = {t.data_ptr(): t.nbytes for t in self.model_runner.kv_caches}
        return config.num_gpu_blocks * config.block_size, sum(held.values())

    def held_experts(self) -> list[dict[str, Any]]:
        """Return a `HeldExperts` for each MoE layer, counted on the layer's own weights."""
        layers = (m for m in self.model_runner.model.modules() if isinstance(m, RoutedExperts))
        return [{"ids": _ids(layer), "weights": len(layer.w13_weight)} for layer in layers]


def _ids(layer: Any) -> list[int]:
    if layer.expert_map is None:
        return list(range(layer.global_num_experts))
    return [expert for expert, local in enumerate(layer.expert_map.tolist()) if local >= 0]


class _Counted:
    """Counts around the loading of weights: vLLM imports this module before a worker loads them."""

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
