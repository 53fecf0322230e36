"""Each folder below brings up its own deployment, on one Ray for all of them."""

from collections.abc import Iterator

import psutil
import pytest

from cluster.local_ray import LocalRay
from deployments.ray_serve.rest_api import ServeApi
from tests.system.served.deployed import SMALL4, command


@pytest.fixture(scope="session", autouse=True)
def own_ray() -> Iterator[None]:
    """Refuses to work on somebody's cluster, and leaves nothing running."""
    if ServeApi().reachable() or LocalRay.find() is not None:
        pytest.exit("a Ray is running on this machine: stop it first (`small4 stop`)", returncode=2)
    yield
    command([str(SMALL4), "stop"], timeout_s=120)
    living = psutil.process_iter(["cmdline"])
    assert not [one for one in living if "haproxy-serve" in " ".join(one.info["cmdline"] or [])]
