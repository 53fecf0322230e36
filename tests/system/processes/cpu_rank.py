"""What one rank does in a process of its own, with vLLM's communicator and the plugin in it."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from deployments.shard.cpu_experts import register

Rows = list[list[float]]
Sizes = list[int] | None


def loopback_only() -> None:
    """Keep gloo's sockets off the network; call it first in a new process."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"


def rows(rank: int, count: int) -> torch.Tensor:
    """Return rows that tell their rank and place, (count, 3)."""
    return torch.arange(count * 3, dtype=torch.float32).view(count, 3) + 1000 * (rank + 1)


def gathered(rank: int, meeting: str, sizes: Sizes) -> list[Rows]:
    """Gather two tensors of all ranks' rows in one call, as vLLM's dispatch does."""
    own = rows(rank, sizes[rank] if sizes else 2)
    with _communicator(rank, meeting) as communicator:
        alone = communicator.all_gatherv(own, 0, sizes)
        both = communicator.all_gatherv([own, 2 * own], 0, sizes)
    assert torch.equal(alone, both[0])
    return [tensor.tolist() for tensor in both]


def scattered(rank: int, meeting: str, sizes: Sizes) -> tuple[Rows, Rows]:
    """Return this rank's rows of the sum, and its input as it is afterwards."""
    own = rows(rank, sum(sizes) if sizes else 4)
    with _communicator(rank, meeting) as communicator:
        kept = communicator.reduce_scatterv(own, 0, sizes)
    return kept.tolist(), own.tolist()


def wraps_of_experts() -> int:
    """Return how often `apply` is wrapped after vLLM called the plugin twice, as it may."""
    from vllm.model_executor.layers.fused_moe.experts.cpu_moe import CPUUnquantizedExperts

    register()
    register()
    apply, wraps = CPUUnquantizedExperts.apply, 0
    while hasattr(apply, "__wrapped__"):
        apply, wraps = apply.__wrapped__, wraps + 1
    return wraps


def changes_off_cpu() -> list[str]:
    """Return what `register` changed where vLLM runs on something else than a CPU."""
    import vllm.platforms
    from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator
    from vllm.model_executor.layers.fused_moe.experts.cpu_moe import CPUUnquantizedExperts
    from vllm.platforms.interface import UnspecifiedPlatform

    classes = (CpuCommunicator, CPUUnquantizedExperts)
    before = [dict(vars(patched)) for patched in classes]
    vllm.platforms.current_platform = UnspecifiedPlatform()
    register()
    return [
        f"{patched.__name__}.{name}"
        for patched, old in zip(classes, before, strict=True)
        for name, value in vars(patched).items()
        if old.get(name) is not value
    ]


@contextlib.contextmanager
def _communicator(rank: int, meeting: str) -> Iterator[Any]:
    from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator

    register()
    # A rank whose peer failed gives up before the test does.
    limit, store = timedelta(seconds=120), f"file://{meeting}"
    dist.init_process_group("gloo", store, rank=rank, world_size=2, timeout=limit)
    try:
        world = dist.group.WORLD
        yield CpuCommunicator(cpu_group=world, device_group=world, unique_name="ep")
    finally:
        dist.destroy_process_group()
