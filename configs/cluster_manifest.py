"""A cluster as its operator describes it: machines, provider, and what is to be served there."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.manifest_rules import complaints
from configs.providers import Provider
from configs.schema import PROJECT_ROOT, PositiveInt, Strict
from configs.weights import Weights
from configs.yaml_file import load_yaml

Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]


class Hardware(Strict):
    """One machine, for those that the catalogue (`cluster/machines.py`) doesn't have."""

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


class Serving(Strict):
    """What is served; what isn't given, the plan chooses. Names are vLLM's, amounts a rank's."""

    params: Path = Field(
        default=Path("configs/models/mistral-small-4.json"),
        description="The model's params.json.",
        validate_default=True,
    )
    precision: Literal["fp8", "nvfp4", "bf16"] = "fp8"
    max_model_len: PositiveInt = 262144
    max_num_seqs: PositiveInt = 128
    max_num_batched_tokens: PositiveInt = 8192
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    ranks: PositiveInt | None = Field(default=None, description="Of a gang, data-parallel.")
    tensor_parallel_size: PositiveInt | None = Field(default=None, description="GPUs of a rank.")
    deployment: dict[str, Any] = Field(
        default_factory=dict,
        description="More of `configs.deployment`, such as access, admission, or "
        "gangs.autoscaling; goes before what is rendered.",
    )

    @field_validator("params")
    @classmethod
    def _absolute(cls, params: Path) -> Path:
        return PROJECT_ROOT / params.expanduser()


class Topology(Strict):
    """A whole manifest, as in configs/clusters/."""

    name: Name
    provider: Provider
    head: NodeGroup = Field(description="Ray's head and Serve's HAProxy; it needs no GPU.")
    groups: tuple[NodeGroup, ...] = Field(min_length=1)
    weights: Weights
    serving: Serving = Serving()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (complaint := next(complaints(self), None)) is not None:
            raise ValueError(complaint)
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ConfigError, with the file's lines, if it can't be read or isn't a manifest."""
        return load_yaml(path, cls, "a cluster manifest, such as those in configs/clusters/")
