"""Changes to a manifest that may make its model fit; each kind yields ever larger changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster.machines import GPUS, MACHINES, hardware_of
from cluster.plan.node import Node, gang_groups
from configs.cluster_manifest import ClusterManifest
from configs.node_group import NodeGroup

_LEAST_TOKENS = 2_048
_MOST_NODES = 64
_MOST_RANKS = 128
_USUAL_UTILIZATION = 0.9
_PRECISIONS = ("bf16", "fp8", "nvfp4")


@dataclass(frozen=True, slots=True)
class Change:
    """A changed manifest, and the change in the manifest's own words."""

    told: str
    manifest: ClusterManifest

    def then(self, other: "Change") -> "Change":
        """Return both changes as one; `other` was made to this change's manifest."""
        return Change(", ".join(filter(None, (self.told, other.told))), other.manifest)


Kind = Callable[[ClusterManifest], Iterator[Change]]


def _utilization(manifest: ClusterManifest) -> Iterator[Change]:
    if manifest.serving.gpu_memory_utilization < _USUAL_UTILIZATION:
        yield _serving(manifest, "gpu_memory_utilization", _USUAL_UTILIZATION)


def _ranks(manifest: ClusterManifest) -> Iterator[Change]:
    """Yield more machines; where the manifest fixes the ranks, more ranks and machines for them."""
    most = max(group.max_nodes for group in gang_groups(manifest.groups))
    fixed = manifest.serving.ranks
    if fixed is None:
        for nodes in _doubled(most, _MOST_NODES):
            yield _groups(manifest, "max_nodes", nodes)
        return
    for ranks in (fixed, *_doubled(fixed, _MOST_RANKS)):
        nodes = _nodes_for(manifest, ranks)
        grown = _groups(manifest, "max_nodes", nodes) if nodes > most else Change("", manifest)
        if ranks != fixed:
            yield grown.then(_serving(grown.manifest, "ranks", ranks))
        elif grown.told:
            yield grown


def _nodes_for(manifest: ClusterManifest, ranks: int) -> int:
    devices = Node.of(gang_groups(manifest.groups)[0], ranks).devices
    most = max(1, devices // (manifest.serving.tensor_parallel_size or 1))
    return ranks // max(r for r in range(1, most + 1) if ranks % r == 0)


def _batch(manifest: ClusterManifest) -> Iterator[Change]:
    return _halved(manifest, "max_num_batched_tokens")


def _length(manifest: ClusterManifest) -> Iterator[Change]:
    return _halved(manifest, "max_model_len")


def _halved(manifest: ClusterManifest, name: str) -> Iterator[Change]:
    tokens = getattr(manifest.serving, name) // 2
    while tokens >= _LEAST_TOKENS:
        yield _serving(manifest, name, tokens)
        tokens //= 2


def _precision(manifest: ClusterManifest) -> Iterator[Change]:
    now = _PRECISIONS.index(manifest.serving.precision)
    for precision in _PRECISIONS[now + 1 :]:
        yield _serving(manifest, "precision", precision)


def _machine(manifest: ClusterManifest) -> Iterator[Change]:
    """Yield machines with more memory on each GPU, or more GPUs; without GPUs, with more memory."""
    group = gang_groups(manifest.groups)[0]
    hardware = hardware_of(group)
    if hardware.gpu is None:
        yield from _memory(manifest, group)
        return
    kinds = sorted(GPUS.values(), key=lambda gpu: gpu.memory_bytes)
    now = GPUS[hardware.gpu].memory_bytes
    for kind in (gpu.name for gpu in kinds if gpu.memory_bytes > now):
        if group.hardware is not None:
            yield _hardware(manifest, group, "gpu", kind)
        elif named := _machine_with(group, kind):
            yield _group(manifest, group, "machine", named)
    if group.hardware is not None:
        for gpus in _doubled(hardware.gpus, 8):
            yield _hardware(manifest, group, "gpus", gpus)


def _memory(manifest: ClusterManifest, group: NodeGroup) -> Iterator[Change]:
    for gib in _doubled(hardware_of(group).memory_gib, 1 << 14):
        if group.hardware is not None:
            yield _hardware(manifest, group, "memory_gib", gib)


def _machine_with(group: NodeGroup, kind: str) -> str | None:
    """Return a machine with that kind of GPU, of the same cloud: Google's names have no dot."""
    dotted = "." in (group.machine or "")
    having = (name for name, hardware in MACHINES.items() if hardware.gpu == kind)
    return next((name for name in having if ("." in name) == dotted), None)


KINDS: tuple[Kind, ...] = (_utilization, _ranks, _batch, _length, _precision, _machine)


def _doubled(now: float, most: int) -> Iterator[int]:
    number = max(1, int(now)) * 2
    while number <= most:
        yield number
        number *= 2


def _serving(manifest: ClusterManifest, name: str, value: Any) -> Change:
    serving = manifest.serving.model_copy(update={name: value})
    shown = f"{value:,}" if isinstance(value, int) else value
    return Change(f"serving.{name}: {shown}", manifest.model_copy(update={"serving": serving}))


def _groups(manifest: ClusterManifest, name: str, value: Any) -> Change:
    """Change a field alike in all groups that may hold gangs."""
    change = Change("", manifest)
    for group in gang_groups(manifest.groups):
        change = change.then(_group(change.manifest, group, name, value))
    return change


def _hardware(manifest: ClusterManifest, group: NodeGroup, name: str, value: Any) -> Change:
    other = hardware_of(group).model_copy(update={name: value})
    changed = _group(manifest, group, "hardware", other)
    return Change(f"{group.name}.hardware.{name}: {value}", changed.manifest)


def _group(manifest: ClusterManifest, group: NodeGroup, name: str, value: Any) -> Change:
    changed = group.model_copy(update={name: value})
    groups = tuple(changed if kept.name == group.name else kept for kept in manifest.groups)
    return Change(f"{group.name}.{name}: {value}", manifest.model_copy(update={"groups": groups}))
