"""Every rank's kernels get the largest scale of all experts: vLLM's own functions, real gangs."""

from typing import Any

import pytest
import torch

from tests.model_shards.quantized.ranks import at_every_rank

_EXPERTS = 16


def own_scales() -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-normal scales of experts, the largest ones at different ranks."""
    draw = torch.Generator().manual_seed(5)
    w13, w2 = torch.randn(2, _EXPERTS, generator=draw).mul(0.5).exp()
    assert w13.argmax() != w2.argmax()
    return w13, w2


def largest(w13: torch.Tensor, w2: torch.Tensor) -> list[float]:
    return [w13.max().item(), w2.max().item()]


def kernels(found: list[dict[str, torch.Tensor]], kernel: str) -> list[Any]:
    return [rank[kernel].tolist() for rank in found]


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_all_ranks_get_the_maximum_over_all_experts(size: int) -> None:
    scales = own_scales()
    found = at_every_rank(size, "reduced", *scales)
    for kernel in ("fp8", "FLASHINFER_CUTLASS", "FLASHINFER_CUTEDSL"):
        assert kernels(found, kernel) == [largest(*scales)] * size


def test_without_the_plugin_each_rank_gets_that_of_its_own() -> None:
    """What vLLM does by itself: if this fails, the plugin has become superfluous."""
    w13, w2 = own_scales()
    found = at_every_rank(2, "reduced", w13, w2, plugin=False)
    own = [largest(*halves) for halves in zip(w13.chunk(2), w2.chunk(2), strict=True)]
    assert own[0] != own[1]
    for kernel in ("fp8", "FLASHINFER_CUTLASS", "FLASHINFER_CUTEDSL"):
        assert kernels(found, kernel) == own
