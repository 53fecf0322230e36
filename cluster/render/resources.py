"""What Ray's autoscaler goes by before a machine is there."""

from cluster.machines import hardware_of
from configs.node_group import NodeGroup


def resources(group: NodeGroup) -> dict[str, int]:
    """By Ray's names; raises ConfigError for a machine that isn't known."""
    has = hardware_of(group)
    return {"CPU": has.cpus} | ({"GPU": has.gpus} if has.gpus else {})
