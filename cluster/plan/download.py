"""How much of a shard set ranks and machines read before they serve."""

from dataclasses import dataclass

from cluster.plan.fit import Fit
from cluster.plan.held_experts import read_bytes


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes of the shard set: those that a rank reads, those that a machine reads, and all."""

    rank: int  # the base, its own experts, and the draft head if there is one
    node: int  # each file once, for all ranks of the machine
    checkpoint: int


def download(fit: Fit) -> Download:
    """Count the bytes that ranks and machines read.

    A machine's ranks share the base; several gangs on it share all of what they read.
    """
    weights, shape = fit.model.weights[fit.serving.precision], fit.shape
    of_gpu = read_bytes(fit.model, weights, fit.serving, shape.devices)
    experts = of_gpu * shape.devices // shape.ranks
    head_bytes = fit.model.head.file_bytes if fit.engine.drafts else 0
    return Download(
        rank=weights.base_bytes + experts + head_bytes,
        node=weights.base_bytes + experts * shape.ranks_per_node + head_bytes,
        checkpoint=weights.checkpoint_bytes + head_bytes,
    )
