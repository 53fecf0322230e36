"""Machines that exist already, for Ray's provider `local`."""

import ipaddress
from typing import Any

from cluster.machines import hardware_of
from cluster.render.commented import Why
from configs.cluster_manifest import ClusterManifest
from configs.node_group import NodeGroup
from configs.providers import OnPrem


def machines(manifest: ClusterManifest, provider: OnPrem) -> dict[str, Any]:
    return {
        "provider": {
            "type": "local",
            "head_ip": Why("Also where clients' requests come in.", _head(manifest)),
            "worker_ips": _workers(manifest),
        },
        "auth": {
            "ssh_user": provider.ssh_user,
            "ssh_private_key": Why(
                "`ray up` copies it to the head, which starts Ray on the workers with it.",
                str(provider.ssh_key),
            ),
        },
    }


def head_options(manifest: ClusterManifest) -> list[str]:
    """Return the head's options of `ray start`: its address, and its CPUs and GPUs.

    Without the address Ray would take that of the route to the Internet.
    """
    address = _head(manifest)
    options = [f"--node-ip-address={address}"] if _is_address(address) else []
    doubles = [group for group in manifest.groups if address in group.hosts]
    return options + _resources(doubles or [manifest.head])


def worker_command(manifest: ClusterManifest, start: str) -> Why:
    """Return the command that starts Ray on workers.

    Ray takes one command for all of them. If they differ, Ray finds out what each has.
    """
    end = "ray stop --force; pkill -KILL -f ^VLLM::"
    words = [start, *_resources(list(manifest.groups)), f"--block; {end}"]
    return Why(
        "`ray down` ends the head alone. A worker's Ray gives up a minute later, and what it "
        "leaves behind is ended here. The last line waits: the head would start a slow one again.",
        f"ulimit -n 65536;\nsetsid sh -c '{' '.join(words)}' \\\n"
        "  >~/.small4/ray.log 2>&1 </dev/null &\n"
        "timeout 120 sh -c 'until pgrep -x raylet >/dev/null; do sleep 1; done'",
    )


def _resources(groups: list[NodeGroup]) -> list[str]:
    options = {
        (f"--num-cpus={hardware_of(group).cpus}", f"--num-gpus={hardware_of(group).gpus}")
        for group in groups
    }
    return list(options.pop()) if len(options) == 1 else []


def _head(manifest: ClusterManifest) -> str:
    return manifest.head.hosts[0]


def _workers(manifest: ClusterManifest) -> list[str]:
    hosts = [host for group in manifest.groups for host in group.hosts]
    return [host for host in hosts if host != _head(manifest)]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
