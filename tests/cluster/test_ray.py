"""Ray's command without the server for Ray clients."""

import subprocess
import sys


def test_it_is_rays_own_command() -> None:
    usage = subprocess.run(
        [sys.executable, "-m", "cluster.ray", "start", "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "--dashboard-host" in usage


def test_ray_starts_the_server_where_it_is_left_out() -> None:
    from ray._private.node import Node

    assert callable(Node.start_ray_client_server)
