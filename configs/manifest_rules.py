"""Rules that the parts of a cluster manifest must keep together."""

from collections.abc import Iterator, Sequence

from configs.node_group import NodeGroup
from configs.providers import Aws, Gcp, KubeRay, OnPrem, Provider
from configs.serving import Serving
from configs.weights import S3, Weights

# Engine arguments that a manifest gives as fields of `serving`, where the plan reads them.
_PLANNED = (
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "gpu_memory_utilization",
    "tensor_parallel_size",
)


def complaints(
    provider: Provider,
    head: NodeGroup,
    groups: Sequence[NodeGroup],
    weights: Weights,
    serving: Serving,
) -> Iterator[str]:
    """Yield what is wrong; a text begins with its place in the file and ends with the remedy.

    Take only the first: a rule counts on those before it.
    """
    for name, part in serving.deployment.items():
        if not isinstance(part, dict):
            yield f"serving.deployment.{name}: Input should be a mapping"
    placed = {"head": head} | {f"groups.{number}": group for number, group in enumerate(groups)}
    yield from _names(placed)
    yield from _head(head)
    yield from _weights(weights, provider, serving)
    yield from _misplaced(serving)
    for place, group in placed.items():
        for field, complaint in _group(group, provider):
            yield f"{place}.{field}: {complaint}"
    if isinstance(provider, OnPrem):
        yield from _hosts(placed, groups)


def _names(placed: dict[str, NodeGroup]) -> Iterator[str]:
    names = [group.name for group in placed.values()]
    for place, group in placed.items():
        if names.count(group.name) > 1:
            yield f"{place}.name: {group.name} is the name of more than one group: rename it"


def _head(head: NodeGroup) -> Iterator[str]:
    if head.spot:
        yield "head.spot: with the head the whole cluster goes; take spot for other groups only"
    if (head.min_nodes, head.max_nodes) != (1, 1):
        yield "head.max_nodes: there is one head; leave min_nodes and max_nodes out"


def _weights(weights: Weights, provider: Provider, serving: Serving) -> Iterator[str]:
    source = weights.source
    if source is None:
        if not serving.deployment.get("model", {}).get("source"):
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


def _misplaced(serving: Serving) -> Iterator[str]:
    """Yield settings that the plan reads elsewhere; here they would be served without a plan."""
    given = serving.deployment
    engine, gangs = given.get("engine", {}), given.get("gangs", {})
    for name in _PLANNED:
        if name in engine:
            yield f"serving.deployment.engine.{name}: say it as serving.{name}"
    if "ranks" in gangs:
        yield "serving.deployment.gangs.ranks: say it as serving.ranks"
    if "weights" in given:
        yield "serving.deployment.weights: say it as weights, beside serving"


def _group(group: NodeGroup, provider: Provider) -> Iterator[tuple[str, str]]:
    """Yield fields of one group, each with what is wrong."""
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


def _hosts(placed: dict[str, NodeGroup], groups: Sequence[NodeGroup]) -> Iterator[str]:
    """Yield groups with a wrong number of hosts, or a host twice.

    The head's host may also be one of a group, and then is both.
    """
    for place, group in placed.items():
        if len(group.hosts) != group.max_nodes:
            yield (
                f"{place}.hosts: name as many as max_nodes says, {group.max_nodes} "
                f"(there are {len(group.hosts)})"
            )
    hosts = [host for group in groups for host in group.hosts]
    for number, group in enumerate(groups):
        if twice := [host for host in group.hosts if hosts.count(host) > 1]:
            yield f"groups.{number}.hosts: {twice[0]} is there twice; remove one"
