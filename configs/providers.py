"""Providers of a cluster's machines, and how the machines are reached."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from configs.schema import Strict

Text = Annotated[str, Field(min_length=1)]


class Aws(Strict):
    """Machines of EC2, which `ray up` starts."""

    type: Literal["aws"]
    region: Text
    availability_zone: Text
    subnet: Text = Field(description="In that zone; from it nodes reach S3 and package mirrors.")
    security_group: Text = Field(
        description="Lets its members reach each other, and SSH come from where you are."
    )
    private: bool = Field(
        default=True,
        description="Nodes have no public address: call `ray up` inside the network, or give "
        "`ssh_proxy_command`.",
    )
    ssh_proxy_command: Text | None = Field(
        default=None, description="How SSH gets to a node (%h, its instance id; %p)."
    )
    placement_group: Text | None = Field(
        default=None, description="A cluster placement group, for gangs of several machines."
    )
    image: Text = Field(description="AMI with NVIDIA's driver and EFA.")
    instance_profile: Text = Field(description="The role by which nodes read the weights.")
    head_instance_profile: Text = Field(
        description="That of the head, which also starts and ends nodes."
    )
    ssh_user: Text = "ubuntu"
    key_name: Text | None = Field(default=None, description="EC2's; else Ray makes a pair.")
    ssh_key: Path | None = Field(default=None, description="Private key of `key_name`.")

    @model_validator(mode="after")
    def _key_is_whole(self) -> Self:
        if (self.key_name is None) != (self.ssh_key is None):
            raise ValueError("key_name: give it together with ssh_key, or neither")
        return self


class Gcp(Strict):
    """Machines of Compute Engine, which `ray up` starts."""

    type: Literal["gcp"]
    project: Text
    region: Text
    zone: Text
    subnet: Text = Field(description="Of that region; from it nodes reach package mirrors.")
    private: bool = Field(
        default=True,
        description="Nodes have no public address: call `ray up` inside the network.",
    )
    image: Text = Field(description="With NVIDIA's driver, and gcsfuse if there is a `bucket`.")
    bucket: Text | None = Field(
        default=None,
        description="Cloud Storage with the shard set, which each node mounts at `weights.source`.",
    )
    service_account: Text = Field(description="By which nodes read the weights.")
    head_service_account: Text = Field(
        description="That of the head, which also starts and ends nodes."
    )
    ssh_user: Text = "ubuntu"


class OnPrem(Strict):
    """Machines that exist already, which `ray up` reaches by SSH; groups name their `hosts`."""

    type: Literal["on-prem"]
    ssh_user: Text
    ssh_key: Path = Field(description="Private key, on the machine from which `ray up` is called.")
    directory: str = Field(
        default="~/small4", pattern=r"^[~/][\w./-]*$", description="Of the project, on each host."
    )
    synced: bool = Field(
        default=True,
        description="Copy the project there; false where each host has it, as on a shared disk.",
    )


class KubeRay(Strict):
    """Pods of Kubernetes, which the KubeRay operator starts."""

    type: Literal["kuberay"]
    namespace: Text = "default"
    image: Text = Field(description="With this project and its lock file installed.")
    service_account: Text = Field(description="By which pods read the weights.")
    keys_secret: Text = Field(
        default="small4-keys", description="Secret whose keys.yaml is the file of clients' keys."
    )
    volume_claim: Text | None = Field(
        default=None, description="Claim that has the weights, mounted at `weights.source`."
    )


class Local(Strict):
    """This machine alone, where `small4 serve` starts Ray."""

    type: Literal["local"]


Provider = Annotated[Aws | Gcp | OnPrem | KubeRay | Local, Field(discriminator="type")]
