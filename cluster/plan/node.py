"""One machine of a group, as the planner sees it."""

from dataclasses import dataclass

from cluster.machines import PCIE_GEN4, Gpu, gpu_of, hardware_of
from configs.errors import ConfigError
from configs.node_group import NodeGroup

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Node:
    """A machine's devices, which hold ranks or parts of them: GPUs, or shares of a CPU machine."""

    devices: int
    memory_bytes: int  # of each
    gpu: Gpu | None
    network: float  # bytes/s of each, to other machines
    link: float  # bytes/s of each to the machine's others, one way; 0 without GPUs

    @classmethod
    def of(cls, group: NodeGroup, ranks: int | None) -> "Node":
        """Return a machine of the group.

        Without GPUs each of a gang's `ranks` takes a CPU at least, and an even share of memory.
        Raises ConfigError if the hardware isn't known.
        """
        hardware, gpu = hardware_of(group), gpu_of(group)
        network = hardware.network_gbps * 1e9 / 8
        if gpu is None:
            wanted = ranks or 1
            devices = max(n for n in range(1, min(wanted, hardware.cpus) + 1) if wanted % n == 0)
            memory_bytes = int(hardware.memory_gib * _GIB) // devices
            return cls(devices, memory_bytes, None, network / devices, 0)
        link = gpu.nvlink if hardware.nvlink else PCIE_GEN4
        return cls(hardware.gpus, gpu.memory_bytes, gpu, network / hardware.gpus, link)

    @property
    def device(self) -> str:
        return self.gpu.name if self.gpu else "CPU"


def _holds_gangs(group: NodeGroup, any_gpus: bool) -> bool:
    """Tell whether a group may hold gangs.

    Groups without GPUs are for routers, unless no group has any.
    """
    return (hardware_of(group).gpus > 0) == any_gpus


def gang_groups(groups: tuple[NodeGroup, ...]) -> tuple[NodeGroup, ...]:
    """Return the groups on which gangs may be, in the manifest's order.

    Raises ConfigError if there are none.
    """
    any_gpus = any(hardware_of(group).gpus for group in groups)
    holding = tuple(group for group in groups if _holds_gangs(group, any_gpus))
    if not holding:
        raise ConfigError("groups: none can hold a gang: add one with GPUs")
    return holding
