"""The one place where small4's own commands read the environment."""

import os
import tempfile
from pathlib import Path


def dashboard_address() -> str:
    """Ray's dashboard, which takes Serve configs; RAY_DASHBOARD_ADDRESS, as Ray's tools read it."""
    return os.environ.get("RAY_DASHBOARD_ADDRESS", "http://127.0.0.1:8265").rstrip("/")


def authorization() -> dict[str, str]:
    """The header of small4's own requests, for a deployment with keys."""
    key = os.environ.get("SMALL4_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def state_directory() -> Path:
    """Where `small4 serve` leaves the log and process id of a Ray it started, for this user."""
    return Path(tempfile.gettempdir()) / f"small4-{os.getuid()}"


def ray_environment(haproxy: Path) -> dict[str, str]:
    """For a Ray that small4 starts; a cluster's own Ray wants the same on every node."""
    return {
        **os.environ,
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(haproxy),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Serve's controller looks around ten times a second, and takes a tenth of a core for it.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # An engine must not outlive its shard: it would keep the GPU from the one that follows.
        "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    }
