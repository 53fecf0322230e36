"""How much of a shard set ranks and machines read before they serve."""

from dataclasses import dataclass

from cluster.plan.fit import Fit
from cluster.plan.held_experts import read_bytes


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes of the checkpoint: those that a rank reads, those that a machine reads, and all."""

    rank: int  # the base and its own experts
    node: int  # each file once, for all ranks of the machine
    checkpoint: int


def download(fit: Fit) -> Download:
    """Count the bytes that ranks and machines read.

    A machine's ranks share the base; several gangs on it share all of what they read.
    """
    weights, shape = fit.model.weights[fit.serving.precision], fit.shape
    of_gpu = read_bytes(fit.model, weights, fit.serving, shape.devices)
    experts = of_gpu * shape.devices // shape.ranks
    return Download(
        rank=weights.base_bytes + experts,
        node=weights.base_bytes + experts * shape.ranks_per_node,
        checkpoint=weights.checkpoint_bytes,
    )
