"""What the parts of a cluster's manifest ask of each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from configs.providers import Aws, Gcp, KubeRay, OnPrem
from configs.weights import S3

if TYPE_CHECKING:
    from configs.cluster_manifest import NodeGroup, Topology

_PLANNED = (
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "gpu_memory_utilization",
    "tensor_parallel_size",
)


def complaints(topology: "Topology") -> Iterator[str]:
    """Each begins with the place in the file, and ends with what to do."""
    for name, part in topology.serving.deployment.items():
        if not isinstance(part, dict):
            yield f"serving.deployment.{name}: Input should be a mapping"
    yield from _names(topology)
    yield from _head(topology)
    yield from _weights(topology)
    yield from _said_twice(topology)
    for place, group in _groups(topology):
        for field, complaint in _group(topology, group):
            yield f"{place}.{field}: {complaint}"
    if isinstance(topology.provider, OnPrem):
        yield from _hosts(topology)


def _groups(topology: "Topology") -> Iterator[tuple[str, "NodeGroup"]]:
    yield "head", topology.head
    for number, group in enumerate(topology.groups):
        yield f"groups.{number}", group


def _names(topology: "Topology") -> Iterator[str]:
    names = [group.name for _, group in _groups(topology)]
    for place, group in _groups(topology):
        if names.count(group.name) > 1:
            yield f"{place}.name: {group.name} is the name of more than one group: rename it"


def _head(topology: "Topology") -> Iterator[str]:
    head = topology.head
    if head.spot:
        yield "head.spot: with the head the whole cluster goes; take spot for other groups only"
    if (head.min_nodes, head.max_nodes) != (1, 1):
        yield "head.max_nodes: there is one head; leave min_nodes and max_nodes out"


def _weights(topology: "Topology") -> Iterator[str]:
    source, provider = topology.weights.source, topology.provider
    if source is None:
        if not topology.serving.deployment.get("model", {}).get("source"):
            yield (
                "weights.source: give a shard set (with format: expert_shards), or a checkpoint "
                "as serving.deployment.model.source"
            )
        return
    remote = source.startswith(S3)
    if isinstance(provider, KubeRay) and remote == (provider.volume_claim is not None):
        yield (
            "provider.volume_claim: give the claim that has weights.source, which is a directory"
            if not remote
            else "provider.volume_claim: weights.source is in S3; remove one of the two"
        )
    if isinstance(provider, Gcp) and provider.bucket and remote:
        yield "provider.bucket: it is mounted at weights.source, which must then be a directory"


def _said_twice(topology: "Topology") -> Iterator[str]:
    """What the plan reads elsewhere; here it would be served without having been planned."""
    given = topology.serving.deployment
    engine, gangs = given.get("engine", {}), given.get("gangs", {})
    for name in _PLANNED:
        if name in engine:
            yield f"serving.deployment.engine.{name}: say it as serving.{name}"
    if "ranks" in gangs:
        yield "serving.deployment.gangs.ranks: say it as serving.ranks"
    if "weights" in given:
        yield "serving.deployment.weights: say it as weights, beside serving"


def _group(topology: "Topology", group: "NodeGroup") -> Iterator[tuple[str, str]]:
    """`(field, complaint)` of one group."""
    provider = topology.provider
    cloud = isinstance(provider, Aws | Gcp)
    if cloud and group.machine is None:
        yield "machine", f"{provider.type} needs to know which machine to start; name it"
    if isinstance(provider, KubeRay) and group.hardware is None:
        yield "hardware", "say what there is for one pod"
    if group.hosts and not isinstance(provider, OnPrem):
        yield "hosts", f"{provider.type} finds its machines itself; remove them"
    if group.spot and not cloud:
        yield "spot", f"{provider.type} knows no spot machines; remove it"
    if group.reservation and not cloud:
        yield "reservation", f"{provider.type} knows no reservations; remove it"
    if group.reservation and group.spot:
        yield "reservation", "what is reserved isn't spot; remove one of the two"
    if group.capacity_block and not (isinstance(provider, Aws) and group.reservation):
        yield "capacity_block", "it is EC2's, and needs its `reservation`"
    if group.node_labels and not isinstance(provider, KubeRay):
        yield "node_labels", "they are Kubernetes'; remove them"


def _hosts(topology: "Topology") -> Iterator[str]:
    """The head's host may also be one of a group: it then does both."""
    for place, group in _groups(topology):
        if len(group.hosts) != group.max_nodes:
            yield (
                f"{place}.hosts: name as many as max_nodes says, {group.max_nodes} "
                f"(there are {len(group.hosts)})"
            )
    hosts = [host for group in topology.groups for host in group.hosts]
    for number, group in enumerate(topology.groups):
        if twice := [host for host in group.hosts if hosts.count(host) > 1]:
            yield f"groups.{number}.hosts: {twice[0]} is there twice; remove one"
