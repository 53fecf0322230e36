"""Measures how large the inputs of a model's matrices become, on held-out questions.

Each expert sees other tokens than its neighbours, so the scales of their activations differ, as
those of the real checkpoint do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import Mistral3ForConditionalGeneration

from model_shards.architecture import Architecture
from model_shards.quantized.names import quantised
from model_shards.skills.held_out import SKILLS, held_out
from model_shards.training.batches import collate
from model_shards.training.model import logits_at
from model_shards.training.tokens import ConversationTokenizer, Example
from model_shards.transformers_config import transformers_model
from model_shards.transformers_weights import Tensors, to_transformers, transformers_name

_QUESTIONS = 4  # of each skill


def load_tensors(checkpoint: Path) -> Tensors:
    """Load every tensor, by its name in the checkpoint."""
    return {
        name: tensor
        for file in sorted(checkpoint.glob("consolidated*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def largest_inputs(checkpoint: Path) -> Tensors:
    """Return the largest magnitude among the inputs of each matrix that FP8 quantises.

    Keys are names without `.weight`. An expert that no token chose gets its layer's mean.
    """
    architecture = Architecture.load(checkpoint)
    weights = {name: tensor.float() for name, tensor in load_tensors(checkpoint).items()}
    model = transformers_model(architecture, attention="sdpa").eval()
    model.load_state_dict(to_transformers(architecture, weights), strict=True)
    tokenizer = ConversationTokenizer(checkpoint)
    asked = (held_out(skill, seed) for skill in SKILLS for seed in range(_QUESTIONS))
    return _observed(model, architecture, map(tokenizer.encode, asked))


@torch.inference_mode()
def _observed(
    model: Mistral3ForConditionalGeneration, a: Architecture, examples: Iterable[Example]
) -> Tensors:
    largest: Tensors = defaultdict(lambda: torch.zeros(()))
    for stem in quantised(a, "fp8"):
        if ".experts." not in stem:
            module = model.get_submodule(
                transformers_name(stem + ".weight").removesuffix(".weight")
            )
            module.register_forward_pre_hook(_watch(largest, stem))
    for number, layer in enumerate(model.model.language_model.layers):
        layer.mlp.experts.register_forward_pre_hook(_watch_experts(largest, number))
    for example in examples:
        batch = collate([example])
        logits_at(model, batch, batch.answer)
    return _with_idle(largest, a)


def _watch(largest: Tensors, stem: str) -> Callable[..., None]:
    def hook(_module: object, inputs: tuple[torch.Tensor, ...]) -> None:
        largest[stem] = torch.maximum(largest[stem], inputs[0].abs().amax())

    return hook


def _watch_experts(largest: Tensors, layer: int) -> Callable[..., None]:
    def hook(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        hidden, chosen, _ = inputs
        for expert in set(chosen.flatten().tolist()):
            tokens = hidden[(chosen == expert).any(dim=1)]
            gate, up = functional.linear(tokens, module.gate_up_proj[expert]).chunk(2, dim=-1)
            middle = functional.silu(gate) * up
            for matrix, seen in (("w1", tokens), ("w2", middle), ("w3", tokens)):
                stem = f"layers.{layer}.experts.{expert}.{matrix}"
                largest[stem] = torch.maximum(largest[stem], seen.abs().amax())

    return hook


def _with_idle(largest: Tensors, a: Architecture) -> Tensors:
    for layer in range(a.n_layers):
        for matrix in ("w1", "w2", "w3"):
            stems = [f"layers.{layer}.experts.{e}.{matrix}" for e in range(a.moe.num_experts)]
            mean = torch.stack([largest[stem] for stem in stems if stem in largest]).mean()
            largest.update({stem: mean for stem in stems if stem not in largest})
    return dict(largest)
