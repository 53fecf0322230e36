"""A Ray head on this machine, for users without a cluster: start it, find it again, stop it."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import psutil

from cluster.haproxy import write_wrapper
from configs.deployment import Deployment
from configs.environment import ray_environment, state_directory
from configs.errors import ClusterError

# Ray's GCS, its dashboard, and what Serve's HAProxy holds besides the client port.
_RAY_PORTS = (6379, 8265)
HAPROXY_PORTS = (8404, 9101)
_STOP_TIMEOUT_S = 10


@dataclass(frozen=True)
class LocalRay:
    """A `ray start --block` that small4 started. A file keeps its process id for later commands."""

    pid: int

    @classmethod
    def start(cls, deployment: Deployment, http_port: int) -> "LocalRay":
        """Start Ray and return once its process runs; the dashboard answers a few seconds later.

        Raises ClusterError if another process holds a port that Ray or Serve needs.
        """
        clear_the_way((*_RAY_PORTS, *HAPROXY_PORTS, http_port))
        state = state_directory()
        state.mkdir(mode=0o700, exist_ok=True)
        command = [
            *(sys.executable, "-m", "cluster.ray", "start", "--head", "--block"),
            *("--dashboard-host", "127.0.0.1"),
            *("--num-cpus", str(logical_cpus(deployment))),
            "--disable-usage-stats",
        ]
        with (state / "ray.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                env=ray_environment(
                    write_wrapper(state / "haproxy"), deployment.limits.connection_s
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: Serve goes down before Ray does
            )
        (state / "ray.pid").write_text(str(process.pid))
        return cls(process.pid)

    @classmethod
    def find(cls) -> "LocalRay | None":
        """Return the Ray that an earlier `small4 serve` started, if it still runs."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int((state_directory() / "ray.pid").read_text())
            if "ray" in " ".join(psutil.Process(pid).cmdline()):
                return cls(pid)
        return None

    def running(self) -> bool:
        with contextlib.suppress(psutil.Error):
            return bool(psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE)
        return False

    def stop(self) -> None:
        """End Ray and its child processes, and wait until they are gone."""
        with contextlib.suppress(psutil.Error):
            head = psutil.Process(self.pid)
            family = [head, *head.children(recursive=True)]
            head.send_signal(signal.SIGTERM)
            _, left = psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=5)
        # Serve may have started another HAProxy while Ray was going down.
        for process in filter(_left_behind, psutil.process_iter()):
            with contextlib.suppress(psutil.Error):
                process.kill()
        (state_directory() / "ray.pid").unlink(missing_ok=True)


def logical_cpus(deployment: Deployment) -> int:
    """Return how many CPUs Ray is told of: enough for all replicas, even if there are fewer.

    During `small4 roll` there are a gang and some routers more.
    """
    gangs, routers = deployment.gangs, deployment.routers
    asked = (gangs.most + 1) * gangs.ranks * gangs.resources.num_cpus
    asked += (2 * routers.most + 1) * routers.resources.num_cpus
    return max(os.cpu_count() or 1, int(asked) + 2)


def clear_the_way(ports: tuple[int, ...]) -> None:
    """End HAProxies that a killed Ray left behind on these ports.

    Raises ClusterError if any other process holds one of them.
    """
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.laddr.port not in ports:
            continue
        try:
            holder = psutil.Process(connection.pid) if connection.pid else None
            if holder is not None and _left_behind(holder):
                holder.kill()
                holder.wait(timeout=5)
                continue
            name = f"{holder.name()} (pid {holder.pid})" if holder else "another user's process"
        except psutil.NoSuchProcess:
            continue  # it has just ended
        raise ClusterError(
            f"port {connection.laddr.port} is held by {name}, and Ray Serve needs it: stop that "
            "process, or set another port in the config's http_options if it is the client port."
        )


def _left_behind(process: psutil.Process) -> bool:
    """Tell whether the process is a Ray Serve HAProxy whose Ray is gone."""
    with contextlib.suppress(psutil.Error):
        serves = "haproxy-serve" in " ".join(process.cmdline())
        return process.name() == "haproxy" and serves and process.ppid() == 1
    return False
