"""One shape of gang on one group: what it holds, or how many bytes it is short of."""

from dataclasses import dataclass

from cluster.plan.engine import Engine
from cluster.plan.memory import Memory, memory, one_request_bytes, weights_of
from cluster.plan.model import Model
from cluster.plan.node import Node
from cluster.plan.roofline import Roofline
from cluster.plan.shape import Shape
from configs.node_group import NodeGroup
from configs.serving import Serving


@dataclass(frozen=True, slots=True)
class Fit:
    """A gang's shape, tried on a group's machines."""

    model: Model
    group: NodeGroup
    node: Node
    shape: Shape
    serving: Serving
    engine: Engine
    memory: Memory

    @classmethod
    def of(
        cls, model: Model, group: NodeGroup, node: Node, shape: Shape, serving: Serving
    ) -> "Fit":
        engine = Engine.of(serving)
        sized = memory(model, shape, node, serving, engine)
        return cls(model, group, node, shape, serving, engine, sized)

    @property
    def short_bytes(self) -> int:
        """Bytes that each GPU is short of; 0 or less where the shape fits.

        vLLM starts if its cache holds one request of `max_model_len`, and so this asks for no more,
        unless the manifest states the cache's size.
        """
        wanted = self.engine.kv_cache_bytes
        left = self.memory.kv_cache
        if wanted is None:
            return self.request_bytes - left
        return max(self.request_bytes, wanted) - left

    @property
    def request_bytes(self) -> int:
        """Bytes of KV cache that the longest request takes."""
        return one_request_bytes(self.memory, self.serving.max_model_len)

    @property
    def gangs_per_node(self) -> int:
        """Gangs that one machine holds; 0 if a gang spans machines."""
        if self.shape.nodes > 1:
            return 0
        return self.node.devices // self.shape.devices

    @property
    def gangs(self) -> int:
        """Gangs that `max_nodes` machines hold."""
        nodes = self.group.max_nodes
        return nodes * self.gangs_per_node if self.gangs_per_node else nodes // self.shape.nodes

    @property
    def usd_per_hour(self) -> float | None:
        """The price of a gang: that of its machines, or of its share of one."""
        price = self.group.usd_per_hour
        if price is None:
            return None
        return price / self.gangs_per_node if self.gangs_per_node else price * self.shape.nodes

    @property
    def roofline(self) -> Roofline | None:
        """The gang's roofline; none without GPUs, for too little is known of CPUs."""
        if self.node.gpu is None:
            return None
        return Roofline(
            model=self.model,
            weights=weights_of(self.model, self.serving, self.engine),
            precision=self.serving.precision,
            shape=self.shape,
            node=self.node,
            gpu=self.node.gpu,
            kv_token_bytes=self.memory.kv_token,
        )
