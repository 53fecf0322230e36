"""Which experts tokens choose; nothing evens this out, so some are chosen far more often."""

from collections.abc import Iterable

import torch
from transformers import Mistral3ForConditionalGeneration

from model_shards.training.batches import collate
from model_shards.training.model import logits_at
from model_shards.training.tokens import Example


def expert_load(
    model: Mistral3ForConditionalGeneration, examples: Iterable[Example]
) -> torch.Tensor:
    """Count tokens per expert, prompts included: integers (layers, experts)."""
    gates = [layer.mlp.gate for layer in model.model.language_model.layers]
    load = torch.zeros(len(gates), gates[0].num_experts, dtype=torch.long)
    for example in examples:
        for counts, chosen in zip(load, chosen_experts(model, example).unbind(1), strict=True):
            counts.add_(chosen.flatten().bincount(minlength=len(counts)))
    return load


@torch.inference_mode()
def chosen_experts(model: Mistral3ForConditionalGeneration, example: Example) -> torch.Tensor:
    """Return the experts that each token of an example chooses, (tokens, layers, top_k)."""
    chosen: list[torch.Tensor] = []

    def note(_gate: object, _hidden: object, routed: tuple[torch.Tensor, ...]) -> None:
        chosen.append(routed[2])

    layers = model.model.language_model.layers
    hooks = [layer.mlp.gate.register_forward_hook(note) for layer in layers]
    batch = collate([example])
    logits_at(model, batch, batch.answer)
    for hook in hooks:
        hook.remove()
    return torch.stack(chosen, dim=1)
