"""The one module where small4's own commands read environment variables."""

import os
import tempfile
from pathlib import Path

HARD_STOP = "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"
_NO_DEVICE = "SMALL4_NO_DEVICE"
_PULSE = "SMALL4_PULSE"


def dashboard_address() -> str:
    """Return the address of Ray's dashboard, which takes Serve configs.

    It is RAY_DASHBOARD_ADDRESS, as for Ray's own tools.
    """
    return os.environ.get("RAY_DASHBOARD_ADDRESS", "http://127.0.0.1:8265").rstrip("/")


def authorization() -> dict[str, str]:
    """Return the header that small4's own requests send to a deployment with keys."""
    key = os.environ.get("SMALL4_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def ray_authorization() -> dict[str, str]:
    """Return the header that a Ray with token authentication asks for.

    The token is read from where Ray itself looks for it.
    """
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        return {}
    token = os.environ.get("RAY_AUTH_TOKEN")
    if not token:
        file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
        token = file.read_text("ascii") if file.is_file() else ""
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def state_directory() -> Path:
    """Return the directory where `small4 serve` leaves log and process id of a Ray that it started.

    Each user has a directory.
    """
    return Path(tempfile.gettempdir()) / f"small4-{os.getuid()}"


def renounce_device() -> None:
    """Keep vLLM from looking for a GPU, in this process and in those that it starts.

    Call this before vLLM is used.
    """
    os.environ[_NO_DEVICE] = "1"


def has_no_device() -> bool:
    return _NO_DEVICE in os.environ


def share_pulse(file: Path) -> None:
    """Tell the processes that this process starts where they write what they are doing."""
    os.environ[_PULSE] = str(file)


def pulse_file() -> Path | None:
    """Return that file, in a process that a shard on this machine has started."""
    file = Path(os.environ.get(_PULSE, ""))
    return file if file.is_file() else None


def variables() -> dict[str, str]:
    """Return the whole environment, for a process that isn't started directly from this."""
    return dict(os.environ)


def become(environment: dict[str, str]) -> None:
    """Take on the whole environment of another process."""
    os.environ.clear()
    os.environ.update(environment)


def ray_environment(haproxy: Path, connection_s: int) -> dict[str, str]:
    """Return the environment of a Ray that small4 starts on this machine."""
    return {**os.environ, **node_environment(str(haproxy), connection_s)}


def node_environment(haproxy: str, connection_s: int) -> dict[str, str]:
    """Return variables that every node's Ray is started with.

    `haproxy` is the file that `cluster.haproxy` wrote, and `connection_s` is how long a connection
    may be needed for a request.
    """
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": haproxy,
        # Serve starts another HAProxy whenever a router comes or goes. The old one ends what it has
        # begun, and what is left after this time is cut; by default after two minutes.
        HARD_STOP: str(connection_s),
        # A client or a router of which nothing is heard for so long is cut off.
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(connection_s),
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": str(connection_s),
        "RAY_USAGE_STATS_ENABLED": "0",
        # By default Serve's controller loops ten times a second, which takes a tenth of a core.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # How often replicas report metrics for autoscaling to it; ten seconds by default.
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        # A replica that doesn't answer can't drain: waiting for that would only delay the next one.
        "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS": "1",
        # How soon Serve starts another HAProxy for one that died: after three failed checks.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        # A router that hangs gets new requests for as long as HAProxy hasn't noticed.
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
        # An engine must not outlive its shard: it would keep the GPU from the next shard.
        "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    }
