"""How long a GPU takes for calls, and which rates it reaches."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

_WARM_UP, _REPLAYS = 3, 15
_MOVED_BYTES = 4 << 30
_SIDE = 8192  # of square matrices


def seconds(calls: Sequence[Callable[[], object]]) -> float:
    """Return the mean seconds of a call: the median over replays of a CUDA graph of all calls."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for call in calls[:2]:
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for call in calls:
            call()
    spans = [_replayed_s(graph) for _ in range(_WARM_UP + _REPLAYS)]
    return statistics.median(spans[_WARM_UP:]) / len(calls)


def _replayed_s(graph: torch.cuda.CUDAGraph) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    graph.replay()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def moved_per_s() -> float:
    """Return the bytes/s that a large kernel reads and writes; a graph's own copies are slower."""
    source = noise(_MOVED_BYTES // 2)
    target = torch.empty_like(source)
    return 2 * _MOVED_BYTES / seconds([partial(torch.neg, source, out=target)])


def product_flops(fp8: bool) -> float:
    """Return the FLOP/s of a large product of noise, in FP8 or BF16."""
    left, right = (noise(_SIDE, _SIDE) for _ in range(2))
    if fp8:
        a, b = left.to(torch.float8_e4m3fn), right.to(torch.float8_e4m3fn).t()
        scale = torch.ones((), device="cuda")
        call = partial(torch._scaled_mm, a, b, scale, scale, out_dtype=torch.bfloat16)
    else:
        call = partial(torch.mm, left, right)
    return 2 * _SIDE**3 / seconds([call])


def noise(*shape: int, device: str = "cuda") -> Tensor:
    """Return noise in BF16, of variance 1."""
    return torch.randn(shape, dtype=torch.bfloat16, device=device)
