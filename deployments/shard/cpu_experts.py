"""A vLLM plugin: expert parallelism for the CPU backend.

vLLM 0.32 has only half of it (vllm issue 57837): the CPU expert kernel takes global expert ids as
local ones, and the CPU communicator lacks the two uneven collectives with which ranks exchange
tokens. Active on CPU only; on a GPU this module does nothing.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist


def register() -> None:
    """Complete vLLM's expert parallelism if it runs on a CPU.

    Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice.
    """
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return

    # vLLM takes the tile kernels of a CPU that has them (AMX), but leaves it to oneDNN to ask Linux
    # for the tiles: a rank whose experts run before its first large matmul dies by SIGILL.
    torch.cpu._init_amx()

    from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator
    from vllm.model_executor.layers.fused_moe.experts.cpu_moe import CPUUnquantizedExperts

    if not hasattr(CPUUnquantizedExperts.apply, "__wrapped__"):
        CPUUnquantizedExperts.apply = _with_local_experts(CPUUnquantizedExperts.apply)
    CpuCommunicator.all_gatherv = _all_gatherv
    CpuCommunicator.reduce_scatterv = _reduce_scatterv


def local_experts(
    expert_map: torch.Tensor, topk_ids: torch.Tensor, topk_weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return global expert ids and weights, both (tokens, top_k), as this rank's.

    `expert_map` gives a global expert its local id, or -1 on a rank that lacks it. A missing
    expert becomes expert 0 with weight 0: its rank adds the real term when outputs are summed.
    """
    local_ids = expert_map[topk_ids.long()]
    absent = local_ids < 0
    ids = local_ids.masked_fill(absent, 0).to(topk_ids.dtype)
    return ids, topk_weights.masked_fill(absent, 0)


def _with_local_experts(apply: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(apply)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        if args:
            raise TypeError("vLLM calls CPU experts by keyword; this version doesn't")
        if kwargs["expert_map"] is not None:
            kwargs["topk_ids"], kwargs["topk_weights"] = local_experts(
                kwargs["expert_map"], kwargs["topk_ids"], kwargs["topk_weights"]
            )
        apply(self, **kwargs)

    return wrapped


def _all_gatherv(
    self: Any,
    input_: torch.Tensor | list[torch.Tensor],
    dim: int = 0,
    sizes: list[int] | None = None,
) -> torch.Tensor | list[torch.Tensor]:
    """Concatenate every rank's rows, `sizes[r]` of them from rank r."""
    if dim != 0:
        raise NotImplementedError(f"all_gatherv on CPU gathers rows only, not dim {dim}")
    if isinstance(input_, list):
        return [_gather_rows(self, tensor, sizes) for tensor in input_]
    return _gather_rows(self, input_, sizes)


def _gather_rows(communicator: Any, rows: torch.Tensor, sizes: list[int] | None) -> torch.Tensor:
    # gloo gathers equal shapes only: pad to the longest rank, then cut.
    sizes = sizes or [len(rows)] * communicator.world_size
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows
    gathered = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(gathered, padded, group=communicator.device_group)
    return torch.cat([part[:size] for part, size in zip(gathered, sizes, strict=True)])


def _reduce_scatterv(
    self: Any, input_: torch.Tensor, dim: int = -1, sizes: list[int] | None = None
) -> torch.Tensor:
    """Sum over ranks and return this rank's rows, `sizes[rank]` of them."""
    if dim != 0:
        raise NotImplementedError(f"reduce_scatterv on CPU scatters rows only, not dim {dim}")
    total = input_.clone(memory_format=torch.contiguous_format)  # all_reduce works in place
    dist.all_reduce(total, group=self.device_group)
    sizes = sizes or [len(total) // self.world_size] * self.world_size
    start = sum(sizes[: self.rank_in_group])
    return total[start : start + sizes[self.rank_in_group]]
