"""Reads from a worker of vLLM 0.32 which experts it holds."""

from typing import Any

from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts


class ExpertCensus:
    """vLLM mixes this into its worker class (`worker_extension_cls`)."""

    model_runner: Any

    def held_experts(self) -> list[dict[str, Any]]:
        """A `HeldExperts` for each MoE layer, counted on the layer's own weights."""
        layers = (m for m in self.model_runner.model.modules() if isinstance(m, RoutedExperts))
        return [{"ids": _ids(layer), "weights": len(layer.w13_weight)} for layer in layers]


def _ids(layer: Any) -> list[int]:
    if layer.expert_map is None:
        return list(range(layer.global_num_experts))
    return [expert for expert, local in enumerate(layer.expert_map.tolist()) if local >= 0]
