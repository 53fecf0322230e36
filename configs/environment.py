"""The one place where small4's own commands read the environment."""

import os
import tempfile
from pathlib import Path

_NO_DEVICE = "SMALL4_NO_DEVICE"


def dashboard_address() -> str:
    """Ray's dashboard, which takes Serve configs; RAY_DASHBOARD_ADDRESS, as Ray's tools read it."""
    return os.environ.get("RAY_DASHBOARD_ADDRESS", "http://127.0.0.1:8265").rstrip("/")


def authorization() -> dict[str, str]:
    """The header of small4's own requests, for a deployment with keys."""
    key = os.environ.get("SMALL4_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def ray_authorization() -> dict[str, str]:
    """The header that a Ray with token authentication asks for; the token is where Ray looks."""
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        return {}
    token = os.environ.get("RAY_AUTH_TOKEN")
    if not token:
        file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
        token = file.read_text("ascii") if file.is_file() else ""
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def state_directory() -> Path:
    """Where `small4 serve` leaves the log and process id of a Ray it started, for this user."""
    return Path(tempfile.gettempdir()) / f"small4-{os.getuid()}"


def renounce_device() -> None:
    """Has vLLM look for no GPU, in this process and in those that it starts; before it is used."""
    os.environ[_NO_DEVICE] = "1"


def has_no_device() -> bool:
    return _NO_DEVICE in os.environ


def ray_environment(haproxy: Path) -> dict[str, str]:
    """For a Ray that small4 starts on this machine."""
    return {**os.environ, **node_environment(str(haproxy))}


def node_environment(haproxy: str) -> dict[str, str]:
    """What every node's Ray is started with; `haproxy` is the file that `cluster.haproxy` wrote."""
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": haproxy,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Serve's controller looks around ten times a second, and takes a tenth of a core for it.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # How often replicas tell it what autoscaling goes by; ten seconds otherwise.
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        # An engine must not outlive its shard: it would keep the GPU from the one that follows.
        "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    }
