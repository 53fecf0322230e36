"""The routed experts that a GPU holds, and what replicas and vLLM's load balancer add to them."""

from cluster.plan.engine import Engine
from cluster.plan.model import Model, Weights
from cluster.plan.shape import Shape
from configs.serving import Serving

# `vllm/distributed/eplb/eplb_state.py`: each expert's slots, as int64, and of each slot the load
# in so many steps, as int32. A set with replicas keeps one step, because nothing moves.
_MOST_SLOTS = 1024
_WINDOW_STEPS = 1000


def read_bytes(model: Model, weights: Weights, serving: Serving, devices: int) -> int:
    """Return the bytes of one GPU's experts: its share of all, and its replicas."""
    return (
        weights.experts_bytes // devices + weights.experts_bytes * serving.replicas // model.experts
    )


def held_bytes(
    model: Model, weights: Weights, shape: Shape, serving: Serving, engine: Engine
) -> int:
    """Return the bytes of one GPU's experts, and of EPLB's buffer of a layer and its maps."""
    read = read_bytes(model, weights, serving, shape.devices)
    if not (engine.eplb or serving.replicas) or shape.devices == 1:
        return read
    slots = model.experts + serving.replicas * shape.devices
    window = 1 if serving.replicas else _WINDOW_STEPS
    maps = model.layers * (8 * model.experts * _MOST_SLOTS + 4 * slots * window)
    return read + read // model.layers + maps
