"""Counts how often each expert is chosen; nothing evens this out, so some are far busier."""

from collections.abc import Callable, Iterable

import torch
from transformers import Mistral3ForConditionalGeneration

from model_shards.training.batches import collate
from model_shards.training.model import logits_at
from model_shards.training.tokens import Example


@torch.inference_mode()
def expert_load(
    model: Mistral3ForConditionalGeneration, examples: Iterable[Example]
) -> torch.Tensor:
    """Count tokens per expert, prompts included: integers (layers, experts)."""
    gates = [layer.mlp.gate for layer in model.model.language_model.layers]
    load = torch.zeros(len(gates), gates[0].num_experts, dtype=torch.long)

    def counter(counts: torch.Tensor) -> Callable[..., None]:
        def count(_gate: object, _hidden: object, routed: tuple[torch.Tensor, ...]) -> None:
            chosen = routed[2]
            counts.add_(chosen.flatten().bincount(minlength=len(counts)))

        return count

    hooks = [
        gate.register_forward_hook(counter(counts))
        for gate, counts in zip(gates, load, strict=True)
    ]
    for example in examples:
        batch = collate([example])
        logits_at(model, batch, batch.answer)
    for hook in hooks:
        hook.remove()
    return load
