"""The error for a model that doesn't fit: which bytes fill a GPU, and how many it lacks."""

from cluster.plan.fit import Fit
from configs.errors import FitError

_GB = 1e9


def misfit(tried: list[Fit]) -> FitError:
    """Return the error for the tried shape that comes nearest to fitting."""
    best = min(tried, key=lambda fit: fit.short_bytes)
    if best.short_bytes <= 0:
        return FitError(
            f"{best.group.name}.max_nodes: {best.group.max_nodes} is fewer than the "
            f"{best.shape.nodes} machines that a gang of {best.shape.ranks} ranks takes."
        )
    memory, node, shape = best.memory, best.node, best.shape
    ranks = f"{shape.ranks} rank{'s' if shape.ranks > 1 else ''}"
    split = f" × {shape.tensor_parallel}" if shape.tensor_parallel > 1 else ""
    head = f"draft head {memory.head / _GB:.1f}, " if memory.head else ""
    wanted = best.short_bytes + memory.kv_cache  # bytes of the cache
    return FitError(
        f"{best.model.name} in {best.serving.precision} doesn't fit the group "
        f"{best.group.name!r}: of {ranks}{split}, each {node.device} is "
        f"{best.short_bytes / _GB:.1f} GB short. It may fill {memory.budget / _GB:.1f} GB "
        f"({best.serving.gpu_memory_utilization:g} of its {memory.device / _GB:.1f}) and needs "
        f"{(memory.needed + wanted) / _GB:.1f}: base {memory.base / _GB:.1f}, experts "
        f"{memory.experts / _GB:.1f}, {head}activations {memory.activations / _GB:.1f}, graphs and "
        f"runtime {(memory.graphs + memory.runtime) / _GB:.1f}, and {wanted / _GB:.1f} of KV cache "
        f"for a request of max_model_len ({best.serving.max_model_len:,} tokens)."
    )
