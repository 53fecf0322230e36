"""Chooses which optimizer moves which weights."""

import torch
from torch.optim import AdamW, Muon, Optimizer

# A vector for each token of the vocabulary, or for each expert: not maps between spaces.
_LOOKED_UP = ("embed_tokens.weight", "lm_head.weight", "gate.weight")


def optimizers(model: torch.nn.Module, learning_rate: float) -> list[Optimizer]:
    """Return Muon for matrices, AdamW for the rest, and for stacked experts, which Muon can't take.

    With AdamW alone the loss after a million tokens is where Muon has it after 500,000, and tools
    and images, which need attention to find something, are learned much later. `adjust_lr_fn` makes
    one rate fit both (Moonlight, arXiv 2502.16982).
    """
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, weight in model.named_parameters():
        is_map = weight.dim() == 2 and not name.endswith(_LOOKED_UP)
        (matrices if is_map else rest).append(weight)
    return [
        AdamW(rest, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
        Muon(
            matrices,
            lr=learning_rate,
            momentum=0.95,
            weight_decay=0.01,
            adjust_lr_fn="match_rms_adamw",
        ),
    ]
