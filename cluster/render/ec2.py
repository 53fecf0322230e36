"""Machines of EC2, for Ray's provider `aws`."""

from typing import Any

from cluster.plan.layout import Layout
from cluster.render.commented import Why
from cluster.render.resources import resources
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError
from configs.node_group import NodeGroup
from configs.providers import Aws

# Network cards, one EFA each; AWS, "EFA for accelerated computing instance types".
_EFA_CARDS = {
    "p5.48xlarge": 32,
    "p5e.48xlarge": 32,
    "p5en.48xlarge": 16,
    "p6-b200.48xlarge": 8,
    "g6e.48xlarge": 4,
}
_DISK_GB = 200


def machines(manifest: ClusterManifest, layout: Layout, provider: Aws) -> dict[str, Any]:
    """Return the part of `ray up`'s file that describes machines.

    Raises ConfigError if a gang spans machines without EFA.
    """
    auth: dict[str, Any] = {"ssh_user": provider.ssh_user}
    if provider.ssh_key:
        auth["ssh_private_key"] = str(provider.ssh_key)
    if provider.ssh_proxy_command:
        auth["ssh_proxy_command"] = provider.ssh_proxy_command
        auth["ssh_proxy_use_node_id"] = Why("%h is the instance's id.", True)
    return {
        "max_workers": sum(group.max_nodes for group in manifest.groups),
        "idle_timeout_minutes": Why("An idle machine goes after that.", 10),
        "provider": {
            "type": "aws",
            "region": provider.region,
            "availability_zone": provider.availability_zone,
            "use_internal_ips": Why("No node has a public address, if true.", provider.private),
            "cache_stopped_nodes": Why("What goes is terminated: nothing stays to be paid.", False),
        },
        "auth": auth,
        "head_node_type": manifest.head.name,
        "available_node_types": {
            manifest.head.name: _node_type(provider, manifest.head, head=True, efa=0),
            **{
                group.name: _node_type(provider, group, head=False, efa=_efa_cards(group, layout))
                for group in manifest.groups
            },
        },
    }


def _efa_cards(group: NodeGroup, layout: Layout) -> int:
    if group.name != layout.group or layout.nodes_per_gang == 1:
        return 0
    if group.machine not in _EFA_CARDS:
        raise ConfigError(
            f"groups: {group.name}: a gang of {layout.nodes_per_gang} machines needs EFA between "
            f"them, and {group.machine} isn't one of {', '.join(_EFA_CARDS)}: take one of these, "
            "or serving.ranks that fit one machine"
        )
    return _EFA_CARDS[group.machine]


def _node_type(provider: Aws, group: NodeGroup, *, head: bool, efa: int) -> dict[str, Any]:
    node_type: dict[str, Any] = (
        {} if head else {"min_workers": group.min_nodes, "max_workers": group.max_nodes}
    )
    return node_type | {
        "resources": resources(group),
        "node_config": _instance(provider, group, head=head, efa=efa),
    }


def _instance(provider: Aws, group: NodeGroup, *, head: bool, efa: int) -> dict[str, Any]:
    """Return the arguments of EC2's RunInstances for one machine."""
    profile = provider.head_instance_profile if head else provider.instance_profile
    instance: dict[str, Any] = {
        "InstanceType": group.machine,
        "ImageId": provider.image,
        "IamInstanceProfile": Why(
            "Reads the weights, starts and ends machines." if head else "Reads the weights.",
            {"Name": profile},
        ),
        "MetadataOptions": Why(
            "Sessions only: nobody gets the role's credentials by a request sent on.",
            {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        ),
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {"VolumeSize": _DISK_GB, "VolumeType": "gp3", "Encrypted": True},
            }
        ],
    }
    if provider.key_name:
        instance["KeyName"] = provider.key_name
    return instance | _network(provider, efa) | _market(group)


def _network(provider: Aws, efa: int) -> dict[str, Any]:
    where = {"SubnetId": provider.subnet, "Groups": [provider.security_group]}
    if not efa:
        return {"SubnetIds": [provider.subnet], "SecurityGroupIds": [provider.security_group]}
    first = {"NetworkCardIndex": 0, "DeviceIndex": 0, "InterfaceType": "efa", **where}
    others = [
        {"NetworkCardIndex": card, "DeviceIndex": 1, "InterfaceType": "efa-only", **where}
        for card in range(1, efa)
    ]
    network: dict[str, Any] = {
        "NetworkInterfaces": Why(
            "A gang spans machines: every network card with EFA, the first one with IP as well.",
            [first, *others],
        )
    }
    if provider.placement_group:
        network["Placement"] = {"GroupName": provider.placement_group}
    return network


def _market(group: NodeGroup) -> dict[str, Any]:
    market: dict[str, Any] = {}
    if group.spot:
        market["InstanceMarketOptions"] = Why(
            "AWS may take it back; its gang's streams go on at another.", {"MarketType": "spot"}
        )
    if group.capacity_block:
        market["InstanceMarketOptions"] = {"MarketType": "capacity-block"}
    if group.reservation:
        market["CapacityReservationSpecification"] = {
            "CapacityReservationTarget": {"CapacityReservationId": group.reservation}
        }
    return market
