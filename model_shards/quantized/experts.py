"""The quantised experts of one layer as expert-parallel kernels compute them, in plain PyTorch.

A rank quantises its tokens and sends them; the ranks that have their experts multiply, scale back
and quantise again before `w2`. A token's scale isn't sent: who receives a token takes its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch.nn import functional

from model_shards.architecture import Architecture
from model_shards.quantized import fp8, nvfp4
from model_shards.quantized.calibration import load_tensors
from model_shards.quantized.names import Form
from model_shards.transformers_weights import Tensors

Sent = tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class Scales:
    """Scales of the activations before `w1` and `w3`, and before `w2`."""

    w13: torch.Tensor
    w2: torch.Tensor

    def largest(self) -> "Scales":
        return Scales(self.w13.max(), self.w2.max())


class _Kernel(Protocol):
    def input_scale(self, stem: str) -> torch.Tensor: ...

    def quantise(self, values: torch.Tensor, scale: torch.Tensor) -> Sent: ...

    def product(self, stem: str, sent: Sent, scale: torch.Tensor) -> torch.Tensor: ...


class _Fp8:
    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors

    def input_scale(self, stem: str) -> torch.Tensor:
        return self._tensors[f"{stem}.qscale_act"]

    def quantise(self, values: torch.Tensor, scale: torch.Tensor) -> Sent:
        return (fp8.quantise(values, scale),)

    def product(self, stem: str, sent: Sent, scale: torch.Tensor) -> torch.Tensor:
        weight, of_weight = (
            self._tensors[f"{stem}.{part}"] for part in ("weight", "qscale_weight")
        )
        if weight.is_cuda:  # the GPU's own product of FP8 numbers
            scaled = torch._scaled_mm(
                *(sent[0], weight.t(), scale, of_weight), out_dtype=torch.bfloat16
            )
            return scaled.float()
        return fp8.dequantise(sent[0], scale) @ fp8.dequantise(weight, of_weight).t()


class _Nvfp4:
    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors

    def input_scale(self, stem: str) -> torch.Tensor:
        return 1 / self._tensors[f"{stem}.input_global_scale"].squeeze()

    def quantise(self, values: torch.Tensor, scale: torch.Tensor) -> Sent:
        return nvfp4.quantise(values, scale)

    def product(self, stem: str, sent: Sent, scale: torch.Tensor) -> torch.Tensor:
        packed, block_scales, of_weight = (
            self._tensors[f"{stem}.{part}"]
            for part in ("weight_packed", "weight_scale", "weight_global_scale")
        )
        weight = nvfp4.dequantise(packed, block_scales, 1 / of_weight)
        return nvfp4.dequantise(sent[0], sent[1], scale) @ weight.t()


class Experts:
    """The experts of one layer of a quantised nano."""

    def __init__(self, checkpoint: Path, form: Form, layer: int, device: str = "cpu") -> None:
        architecture = Architecture.load(checkpoint)
        self._prefix = f"layers.{layer}"
        tensors = {
            name: tensor.to(device)
            for name, tensor in load_tensors(checkpoint).items()
            if name.startswith(f"{self._prefix}.")
        }
        self._kernel: _Kernel = _Fp8(tensors) if form == "fp8" else _Nvfp4(tensors)
        self._number, self._top = architecture.moe.num_experts, architecture.moe.num_experts_per_tok
        self._norm = tensors[f"{self._prefix}.ffn_norm.weight"].float()
        self._gate = tensors[f"{self._prefix}.gate.weight"].float()

    def tokens(self, number: int, seed: int = 0) -> torch.Tensor:
        """Return noise as large as what the layer's norm gives, (tokens, hidden)."""
        draw = torch.Generator().manual_seed(seed)
        return torch.randn(number, len(self._norm), generator=draw).to(self._norm) * self._norm

    def scales(self, ranks: int) -> list[Scales]:
        """Return each rank's scales, of its own experts."""
        w13, w2 = (
            torch.stack([self._kernel.input_scale(self._stem(e, w)) for e in range(self._number)])
            for w in ("w1", "w2")
        )
        chunks = zip(w13.chunk(ranks), w2.chunk(ranks), strict=True)
        return [Scales(*own) for own in chunks]

    def __call__(self, tokens: torch.Tensor, scales: Sequence[Scales]) -> torch.Tensor:
        """Compute outputs (tokens, hidden), at one rank for each of `scales`."""
        probability, chosen = (tokens @ self._gate.t()).softmax(dim=1).topk(self._top)
        weights = probability / probability.sum(dim=1, keepdim=True)
        sent = self._dispatched(tokens, scales)
        terms = tokens.new_zeros(*chosen.shape, tokens.shape[1])
        for expert in sorted(set(chosen.flatten().tolist())):
            rows, places = torch.where(chosen == expert)
            own = scales[expert * len(scales) // self._number]
            terms[rows, places] = self._expert(expert, tuple(part[rows] for part in sent), own)
        return (terms * weights[..., None]).sum(dim=1)

    def _dispatched(self, tokens: torch.Tensor, scales: Sequence[Scales]) -> Sent:
        shares = zip(tokens.tensor_split(len(scales)), scales, strict=True)
        sent = [self._kernel.quantise(share, own.w13) for share, own in shares]
        return tuple(torch.cat(parts) for parts in zip(*sent, strict=True))

    def _expert(self, expert: int, sent: Sent, own: Scales) -> torch.Tensor:
        gate, up = (
            self._kernel.product(self._stem(expert, matrix), sent, own.w13)
            for matrix in ("w1", "w3")
        )
        middle = self._kernel.quantise(functional.silu(gate) * up, own.w2)
        return self._kernel.product(self._stem(expert, "w2"), middle, own.w2)

    def _stem(self, expert: int, matrix: str) -> str:
        return f"{self._prefix}.experts.{expert}.{matrix}"
