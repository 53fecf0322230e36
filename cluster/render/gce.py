"""Machines of Compute Engine, for Ray's provider `gcp`."""

from typing import Any

from cluster.machines import hardware_of
from cluster.plan.layout import Layout
from cluster.render.commented import Why
from cluster.render.resources import resources
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError
from configs.node_group import NodeGroup
from configs.providers import Gcp

_DISK_GB = 200
# Machines that take no Persistent Disk.
_HYPERDISK = ("a3-ultragpu", "a4-", "c4-", "n4-")


def machines(manifest: ClusterManifest, layout: Layout, provider: Gcp) -> dict[str, Any]:
    """Return the part of `ray up`'s file that describes machines.

    Raises ConfigError if a gang spans machines: their RDMA networks aren't rendered.
    """
    if layout.nodes_per_gang > 1:
        raise ConfigError(
            f"serving.ranks: a gang of {layout.nodes_per_gang} machines needs Google's RDMA "
            "networks, which aren't rendered: let a gang fit one machine"
        )
    return {
        "max_workers": sum(group.max_nodes for group in manifest.groups),
        "idle_timeout_minutes": Why("An idle machine goes after that.", 10),
        "provider": {
            "type": "gcp",
            "region": provider.region,
            "availability_zone": provider.zone,
            "project_id": provider.project,
            "use_internal_ips": Why("No node has a public address, if true.", provider.private),
        },
        "auth": Why(
            "Ray makes a pair of keys in ~/.ssh and puts the public one into the project.",
            {"ssh_user": provider.ssh_user},
        ),
        "head_node_type": manifest.head.name,
        "available_node_types": {
            manifest.head.name: {
                "resources": resources(manifest.head),
                "node_config": _instance(provider, manifest.head, provider.head_service_account),
            },
            **{
                group.name: {
                    "min_workers": group.min_nodes,
                    "max_workers": group.max_nodes,
                    "resources": resources(group),
                    "node_config": _instance(provider, group, provider.service_account),
                }
                for group in manifest.groups
            },
        },
    }


def _instance(provider: Gcp, group: NodeGroup, account: str) -> dict[str, Any]:
    """Return the request body of Compute Engine's instances.insert for one machine."""
    machine = group.machine or ""
    disk = "hyperdisk-balanced" if machine.startswith(_HYPERDISK) else "pd-balanced"
    zone = f"projects/{provider.project}/zones/{provider.zone}"
    interface: dict[str, Any] = {
        "subnetwork": f"projects/{provider.project}/regions/{provider.region}/subnetworks/"
        f"{provider.subnet}",
        "nicType": "GVNIC",
    }
    if not provider.private:
        interface["accessConfigs"] = [{"name": "External NAT", "type": "ONE_TO_ONE_NAT"}]
    return {
        "machineType": machine,
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "type": "PERSISTENT",
                "initializeParams": {
                    "diskSizeGb": _DISK_GB,
                    "diskType": f"{zone}/diskTypes/{disk}",
                    "sourceImage": provider.image,
                },
            }
        ],
        "networkInterfaces": [interface],
        "serviceAccounts": [
            {
                "email": account,
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
        ],
        **_scheduling(group),
        **_reservation(group),
    }


def _scheduling(group: NodeGroup) -> dict[str, Any]:
    if group.spot:
        return {
            "scheduling": Why(
                "Google may take it back; its gang's streams go on at another.",
                {
                    "provisioningModel": "SPOT",
                    "onHostMaintenance": "TERMINATE",
                    "instanceTerminationAction": "DELETE",
                },
            )
        }
    if hardware_of(group).gpus:
        moved = Why("Machines with GPUs can't be moved.", {"onHostMaintenance": "TERMINATE"})
        return {"scheduling": moved}
    return {}


def _reservation(group: NodeGroup) -> dict[str, Any]:
    if group.reservation is None:
        return {}
    return {
        "reservationAffinity": {
            "consumeReservationType": "SPECIFIC_RESERVATION",
            "key": "compute.googleapis.com/reservation-name",
            "values": [group.reservation],
        }
    }
