"""What may be changed in a manifest so that a model fits; each kind yields ever further changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster.machines import GPUS, MACHINES, hardware_of
from cluster.plan.node import Node, gang_groups
from configs.cluster_manifest import NodeGroup, Topology

_LEAST_TOKENS = 2_048
_MOST_NODES = 64
_MOST_RANKS = 128
_USUAL_UTILIZATION = 0.9
_PRECISIONS = ("bf16", "fp8", "nvfp4")


@dataclass(frozen=True, slots=True)
class Change:
    """A changed manifest, and the change in the manifest's own words."""

    told: str
    topology: Topology

    def then(self, other: "Change") -> "Change":
        """With the other change, which was made to this one's manifest."""
        return Change(", ".join(filter(None, (self.told, other.told))), other.topology)


Kind = Callable[[Topology], Iterator[Change]]


def _utilization(topology: Topology) -> Iterator[Change]:
    if topology.serving.gpu_memory_utilization < _USUAL_UTILIZATION:
        yield _serving(topology, "gpu_memory_utilization", _USUAL_UTILIZATION)


def _ranks(topology: Topology) -> Iterator[Change]:
    """More of them where the manifest says how many, and machines for them."""
    most = max(group.max_nodes for group in gang_groups(topology.groups))
    fixed = topology.serving.ranks
    if fixed is None:
        for nodes in _doubled(most, _MOST_NODES):
            yield _groups(topology, "max_nodes", nodes)
        return
    for ranks in (fixed, *_doubled(fixed, _MOST_RANKS)):
        nodes = _nodes_for(topology, ranks)
        grown = _groups(topology, "max_nodes", nodes) if nodes > most else Change("", topology)
        if ranks != fixed:
            yield grown.then(_serving(grown.topology, "ranks", ranks))
        elif grown.told:
            yield grown


def _nodes_for(topology: Topology, ranks: int) -> int:
    devices = Node.of(gang_groups(topology.groups)[0], ranks).devices
    most = max(1, devices // (topology.serving.tensor_parallel_size or 1))
    return ranks // max(r for r in range(1, most + 1) if ranks % r == 0)


def _batch(topology: Topology) -> Iterator[Change]:
    return _halved(topology, "max_num_batched_tokens")


def _length(topology: Topology) -> Iterator[Change]:
    return _halved(topology, "max_model_len")


def _halved(topology: Topology, name: str) -> Iterator[Change]:
    tokens = getattr(topology.serving, name) // 2
    while tokens >= _LEAST_TOKENS:
        yield _serving(topology, name, tokens)
        tokens //= 2


def _precision(topology: Topology) -> Iterator[Change]:
    now = _PRECISIONS.index(topology.serving.precision)
    for precision in _PRECISIONS[now + 1 :]:
        yield _serving(topology, "precision", precision)


def _machine(topology: Topology) -> Iterator[Change]:
    """With more memory on each GPU, or more GPUs; without GPUs, with more memory."""
    group = gang_groups(topology.groups)[0]
    hardware = hardware_of(group)
    if hardware.gpu is None:
        yield from _memory(topology, group)
        return
    kinds = sorted(GPUS.values(), key=lambda gpu: gpu.memory_bytes)
    now = GPUS[hardware.gpu].memory_bytes
    for kind in (gpu.name for gpu in kinds if gpu.memory_bytes > now):
        if group.hardware is not None:
            yield _hardware(topology, group, "gpu", kind)
        elif named := _machine_with(group, kind):
            yield _group(topology, group, "machine", named)
    if group.hardware is not None:
        for gpus in _doubled(hardware.gpus, 8):
            yield _hardware(topology, group, "gpus", gpus)


def _memory(topology: Topology, group: NodeGroup) -> Iterator[Change]:
    for gib in _doubled(hardware_of(group).memory_gib, 1 << 14):
        if group.hardware is not None:
            yield _hardware(topology, group, "memory_gib", gib)


def _machine_with(group: NodeGroup, kind: str) -> str | None:
    """Of the same cloud, whose names look alike: Google's have no dot."""
    dotted = "." in (group.machine or "")
    alike = (name for name, it in MACHINES.items() if it.gpu == kind and ("." in name) == dotted)
    return next(alike, None)


KINDS: tuple[Kind, ...] = (_utilization, _ranks, _batch, _length, _precision, _machine)


def _doubled(now: float, most: int) -> Iterator[int]:
    number = max(1, int(now)) * 2
    while number <= most:
        yield number
        number *= 2


def _serving(topology: Topology, name: str, value: Any) -> Change:
    serving = topology.serving.model_copy(update={name: value})
    shown = f"{value:,}" if isinstance(value, int) else value
    return Change(f"serving.{name}: {shown}", topology.model_copy(update={"serving": serving}))


def _groups(topology: Topology, name: str, value: Any) -> Change:
    """The same in all groups that may hold gangs."""
    change = Change("", topology)
    for group in gang_groups(topology.groups):
        change = change.then(_group(change.topology, group, name, value))
    return change


def _hardware(topology: Topology, group: NodeGroup, name: str, value: Any) -> Change:
    other = hardware_of(group).model_copy(update={name: value})
    changed = _group(topology, group, "hardware", other)
    return Change(f"{group.name}.hardware.{name}: {value}", changed.topology)


def _group(topology: Topology, group: NodeGroup, name: str, value: Any) -> Change:
    changed = group.model_copy(update={name: value})
    groups = tuple(changed if one.name == group.name else one for one in topology.groups)
    return Change(f"{group.name}.{name}: {value}", topology.model_copy(update={"groups": groups}))
