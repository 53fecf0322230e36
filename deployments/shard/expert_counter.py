"""Counts how often each expert is chosen, on the device that chooses.

vLLM hands the experts that its routers choose to a capturer, in a compiled graph too, and its
capturer keeps those of this rank's own tokens for the step. Here they are added up after the step,
so rows that only fill a batch, and steps that an idle rank runs beside its peers, don't count.
Read from vLLM 0.32.
"""

from typing import Any

import torch
from vllm.model_executor.layers.fused_moe.layer import MoERunner
from vllm.model_executor.layers.fused_moe.routed_experts_capturer import (
    RoutedExpertsCapturer,
    bind_routed_experts_capturer,
)


class ExpertCounter:
    """Counts for one worker; its `model` computes with a hook in each layer until `remove`.

    Raises ValueError if an expert kernel chooses experts itself and doesn't tell which.
    """

    def __init__(self, vllm_config: Any, model: Any) -> None:
        self._model = model
        self._capturer = RoutedExpertsCapturer(
            vllm_config.scheduler_config.max_num_batched_tokens, vllm_config
        )
        bind_routed_experts_capturer(model, self._capturer)
        layers = self._capturer.shape_per_token[0]
        experts = vllm_config.model_config.get_num_experts()
        device = self._capturer.device_buffer.device
        self._chosen = torch.zeros(layers, experts, dtype=torch.long, device=device)
        self._tokens = 0

    @torch.inference_mode()
    def add(self, tokens: int) -> None:
        """Count the step that just ran; the first `tokens` rows of its batch are real."""
        add_chosen(self._chosen, self._capturer.device_buffer[:tokens])
        self._tokens += tokens

    def counted(self) -> tuple[int, list[list[int]]]:
        """Return the tokens, and how many of them chose each expert, (layers, experts).

        Waits for the step to end.
        """
        return self._tokens, self._chosen.tolist()

    def clear(self) -> None:
        self._chosen.zero_()
        self._tokens = 0

    def remove(self) -> None:
        for module in self._model.modules():
            if isinstance(module, MoERunner):
                module.router.set_capture_fn(None)
                module.routed_experts.routing_sink = None


def add_chosen(counts: torch.Tensor, chosen: torch.Tensor) -> None:
    """Add ids (tokens, layers, top_k) to counts (layers, experts), without waiting for either."""
    layers, experts = counts.shape
    first = torch.arange(layers, device=counts.device).unsqueeze(1) * experts
    places = (chosen + first).flatten()
    # bincount would make the host wait for a GPU, to learn how many bins there are.
    counts.view(-1).scatter_add_(0, places, torch.ones_like(places))
