"""The layout of gangs on machines: what the renderers need of a plan."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """How one gang of the model lies on machines.

    Its `ranks * tensor_parallel` GPUs are the expert-parallel size: each holds the model's experts
    over that number.
    """

    group: str  # the node group that holds gangs
    ranks: int  # data-parallel ranks of a gang = Serve replicas
    tensor_parallel: int  # GPUs of a rank
    ranks_per_node: int
    nodes_per_gang: int
    gangs: int  # that the group's max_nodes hold
    all2all: str  # vLLM's backend
    reason: str  # why that backend
