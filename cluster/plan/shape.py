"""Candidates for how a gang lies on a group's machines, the best first."""

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.plan.model import Model
from cluster.plan.node import Node
from configs.errors import ConfigError
from configs.node_group import NodeGroup
from configs.serving import Serving


@dataclass(frozen=True, slots=True)
class Shape:
    """A gang's ranks on machines: `ranks_per_node` times `nodes` of them."""

    ranks_per_node: int
    nodes: int
    tensor_parallel: int

    @property
    def ranks(self) -> int:
        return self.ranks_per_node * self.nodes

    @property
    def devices(self) -> int:
        """Devices of the whole gang: the expert-parallel size."""
        return self.ranks * self.tensor_parallel


def shapes(model: Model, node: Node, group: NodeGroup, serving: Serving) -> Iterator[Shape]:
    """Yield the shapes to try, the best first.

    A latent cache can't be split over a rank's GPUs: tensor parallelism repeats it on each. So a
    rank is one GPU, and ranks share the experts alone, unless the manifest says otherwise.

    A gang is a whole machine rather than the least that fits: experts are then read once a step
    for all of the machine's sequences, and what they leave is KV cache. It isn't more than a
    machine unless it must be, for links between machines are slower, and a lost machine then takes
    its own gang only. Expert-parallel ranks have equally many experts, so their number divides
    them. Raises ConfigError if no gang can have the ranks or the split that the manifest asks for.
    """
    split = serving.tensor_parallel_size or 1
    _require_split(model, node, split)
    if serving.ranks is not None:
        yield _given(model, node, serving.ranks, split)
        return
    most = node.devices // split
    within = [r for r in range(most, 0, -1) if model.experts % (r * split) == 0]
    # First those that leave no GPU idle.
    for ranks in sorted(within, key=lambda r: node.devices % (r * split) != 0):
        yield Shape(ranks, 1, split)
    for nodes in range(2, group.max_nodes + 1):
        for ranks in within:
            if model.experts % (ranks * split * nodes) == 0:
                yield Shape(ranks, nodes, split)
                break


def _require_split(model: Model, node: Node, split: int) -> None:
    if split > node.devices:
        raise ConfigError(
            f"serving.tensor_parallel_size: {split} is more than a machine's {node.devices} "
            f"{node.device}: a rank can't span machines; give {node.devices} at most"
        )
    if model.heads % split:
        raise ConfigError(
            f"serving.tensor_parallel_size: {split} doesn't divide the {model.heads} heads: give "
            "a power of two, or leave it out for 1"
        )


def _given(model: Model, node: Node, ranks: int, split: int) -> Shape:
    if model.experts % (ranks * split):
        raise ConfigError(
            f"serving.ranks: {ranks} × {split} GPUs don't divide the {model.experts} experts: give "
            "a power of two"
        )
    most = node.devices // split
    per_node = max(r for r in range(1, min(most, ranks) + 1) if ranks % r == 0)
    return Shape(per_node, ranks // per_node, split)
