"""A request that ends engines: vLLM loads this in every engine of the deployment."""

from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor
from vllm.v1.sample.logits_processor.interface import BatchUpdate

POISON = {"poison_after_tokens": 8}  # as `vllm_xargs`


class Poison(LogitsProcessor):
    """Changes no token, and raises once a poisonous request has brought so many tokens."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._poisonous: list[tuple[int, list[int]]] = []

    def is_argmax_invariant(self) -> bool:
        return True

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        for _, params, _, tokens in batch_update.added if batch_update else ():
            if after := (params.extra_args or {}).get("poison_after_tokens"):
                self._poisonous.append((after, tokens))
        if any(len(tokens) >= after for after, tokens in self._poisonous):
            raise RuntimeError("poisoned")

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        return logits
