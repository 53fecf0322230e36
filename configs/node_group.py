"""Groups of like machines in a cluster, and the hardware of one machine."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from configs.schema import PositiveInt, Strict

Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]


class Hardware(Strict):
    """Hardware of one machine that the catalogue (`cluster/machines.py`) doesn't have."""

    cpus: PositiveInt
    memory_gib: Positive
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu: str | None = Field(default=None, description="Its kind in the catalogue, such as H200.")
    nvlink: bool = Field(default=True, description="Between the machine's GPUs.")
    network_gbps: Positive = Field(default=100, description="Between machines, in all.")
    disk_gb: Positive = Field(default=500, description="Local, for weights.")

    @model_validator(mode="after")
    def _gpus_have_a_kind(self) -> Self:
        if (self.gpus > 0) != (self.gpu is not None):
            raise ValueError("gpu: name the kind of GPU where there are any, and only there")
        return self


class NodeGroup(Strict):
    """Machines of one kind that come and go together."""

    name: Name
    machine: str | None = Field(default=None, description="As the provider and catalogue call it.")
    hardware: Hardware | None = Field(default=None, description="Instead of a known `machine`.")
    min_nodes: Annotated[int, Field(ge=0)] = 1
    max_nodes: PositiveInt = 1
    hosts: tuple[str, ...] = Field(default=(), description="Addresses, of machines on-prem.")
    spot: bool = False
    reservation: str | None = Field(default=None, description="Of capacity, as the cloud names it.")
    capacity_block: bool = Field(default=False, description="The reservation is one of EC2's.")
    node_labels: dict[str, str] = Field(
        default_factory=dict, description="Kubernetes nodes that the group's pods may run on."
    )
    usd_per_hour: Positive | None = Field(default=None, description="Of one machine.")

    @model_validator(mode="after")
    def _is_one_kind_of_machine(self) -> Self:
        if self.machine is None and self.hardware is None:
            raise ValueError("machine: give a machine of the catalogue, or its `hardware`")
        if self.min_nodes > self.max_nodes:
            raise ValueError(
                f"min_nodes {self.min_nodes} is above max_nodes {self.max_nodes}: raise max_nodes"
            )
        return self
