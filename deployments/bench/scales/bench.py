"""How far several ranks are from one, in every layer of a quantised nano."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from model_shards.nano import NANO
from model_shards.quantized.experts import Experts, Scales
from model_shards.quantized.names import Form

RANKS = (2, 4, 8)
_SIGMA = 0.5  # of log-normal scales, as far apart as those of a real model may be
_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """Relative errors beside one rank, the mean of all layers; `scales` says whose they are."""

    form: Form
    scales: str
    ranks: int
    without: float
    with_plugin: float


def rows(checkpoint: Path, form: Form, device: str) -> Iterator[Row]:
    layers = [Experts(checkpoint, form, layer, device) for layer in range(NANO.n_layers)]
    given = {
        "nano's": [experts.scales(1)[0] for experts in layers],
        "log-normal": [_log_normal(experts, layer) for layer, experts in enumerate(layers)],
    }
    for name, scales in given.items():
        for ranks in RANKS:
            found = [_errors(*pair, ranks) for pair in zip(layers, scales, strict=True)]
            yield Row(
                form, name, ranks, *(statistics.mean(column) for column in zip(*found, strict=True))
            )


def _log_normal(experts: Experts, seed: int) -> Scales:
    """Return made-up scales of each expert, around the largest of nano's."""
    largest, draw = experts.scales(1)[0], torch.Generator().manual_seed(seed)
    w13, w2 = (
        torch.randn(NANO.moe.num_experts, generator=draw).mul(_SIGMA).exp().to(scale) * scale.max()
        for scale in (largest.w13, largest.w2)
    )
    return Scales(w13, w2)


def _errors(experts: Experts, scales: Scales, ranks: int) -> tuple[float, float]:
    """Return the relative error of `ranks` ranks without the plugin, and with it."""
    tokens, shared = experts.tokens(_TOKENS), scales.largest()
    right = experts(tokens, [shared])
    own = [
        Scales(*pair).largest()
        for pair in zip(scales.w13.chunk(ranks), scales.w2.chunk(ranks), strict=True)
    ]
    found = [experts(tokens, taken) for taken in (own, [shared] * ranks)]
    without, with_plugin = (((out - right).norm() / right.norm()).item() for out in found)
    return without, with_plugin
