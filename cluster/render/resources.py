"""The resources that Ray's autoscaler expects of a machine before it has started."""

from cluster.machines import hardware_of
from configs.node_group import NodeGroup


def resources(group: NodeGroup) -> dict[str, int]:
    """Return the resources of one machine, by Ray's names.

    Raises ConfigError if the machine isn't in the catalogue.
    """
    has = hardware_of(group)
    return {"CPU": has.cpus} | ({"GPU": has.gpus} if has.gpus else {})
