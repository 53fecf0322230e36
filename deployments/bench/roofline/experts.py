"""The experts of one layer that one GPU holds, in plain PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from deployments.bench.roofline.timing import noise

_FP8 = torch.float8_e4m3fn


@dataclass(frozen=True, slots=True)
class Routed:
    """The tokens that go to a GPU's experts, as rows in the order of the experts."""

    tokens: Tensor  # [rows], of the batch
    weights: Tensor  # [rows, 1]
    ends: Tensor  # [experts held], where each expert's rows end, int32

    @classmethod
    def evenly(cls, tokens: int, held: int, experts: int, chosen: int, device: str) -> "Routed":
        """Let each token choose `chosen` of `experts`, all as likely; the first `held` are here."""
        return cls.of(torch.rand(tokens, experts, device=device).topk(chosen).indices, held)

    @classmethod
    def of(cls, choices: Tensor, held: int) -> "Routed":
        """Take the experts that tokens chose, [tokens, chosen]; 0 to `held` - 1 are here."""
        choice = choices.flatten()
        order = choice.argsort(stable=True)
        here = (choice >= 0) & (choice < held)
        rows = order[here[order]]
        counts = torch.bincount(choice[here], minlength=held)
        chosen = choices.shape[1]
        return cls(
            tokens=rows // chosen,
            weights=torch.full(
                (len(rows), 1), 1 / chosen, dtype=torch.bfloat16, device=rows.device
            ),
            ends=counts.cumsum(0).to(torch.int32),
        )


class ExpertLayer:
    """`held` experts, each of three matrices of `hidden` × `expert_hidden`."""

    def __init__(
        self, held: int, hidden: int, expert_hidden: int, *, fp8: bool, device: str = "cuda"
    ) -> None:
        self._up = _weights(held, 2 * expert_hidden, hidden, fp8, device)
        self._down = _weights(held, hidden, expert_hidden, fp8, device)

    def __call__(self, batch: Tensor, routed: Routed) -> Tensor:
        """Return what the experts add to `batch` [tokens, hidden], in BF16."""
        both = _product(batch[routed.tokens], self._up, routed.ends)
        gate, up = both.chunk(2, dim=-1)
        out = _product(functional.silu(gate) * up, self._down, routed.ends)
        added = torch.zeros(batch.shape, dtype=torch.bfloat16, device=batch.device)
        return added.index_add_(0, routed.tokens, out * routed.weights)

    def products(self, batch: Tensor, routed: Routed) -> Callable[[], object]:
        """Return a call of the two products alone, of rows that are there already.

        Fused kernels come near to that.
        """
        rows = batch[routed.tokens].to(self._up.dtype)
        inner = rows[:, : self._down.shape[-1]].contiguous()

        def call() -> None:
            _product(rows, self._up, routed.ends)
            _product(inner, self._down, routed.ends)

        return call

    def expected(self, batch: Tensor, routed: Routed) -> Tensor:
        """Return the same as a call, in float32 and an expert at a time."""
        added = torch.zeros(batch.shape, device=batch.device)
        start = 0
        for expert, end in enumerate(routed.ends.tolist()):
            rows = routed.tokens[start:end]
            gate, up = (batch[rows].float() @ self._up[expert].float().T).chunk(2, dim=-1)
            out = (functional.silu(gate) * up) @ self._down[expert].float().T
            added.index_add_(0, rows, out * routed.weights[start:end].float())
            start = end
        return added


def _weights(held: int, rows: int, columns: int, fp8: bool, device: str) -> Tensor:
    """Return noise [held, rows, columns]; a product with it has the variance of its input."""
    kept = torch.empty((held, rows, columns), dtype=_FP8 if fp8 else torch.bfloat16, device=device)
    for expert in kept:
        expert.copy_(noise(rows, columns, device=device) / columns**0.5)
    return kept


def _product(rows: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """Multiply each row with its expert's matrix; in FP8 both have scales, here ones."""
    matrices = weights.transpose(-2, -1)
    if weights.dtype != _FP8:
        return functional.grouped_mm(rows, matrices, offs=ends)
    return torch._scaled_grouped_mm(
        rows.to(_FP8),
        matrices,
        torch.ones(len(rows), device=rows.device),
        torch.ones(weights.shape[:2], device=rows.device),
        offs=ends,
        out_dtype=torch.bfloat16,
        use_fast_accum=True,
    )
