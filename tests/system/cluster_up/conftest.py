"""One cluster for all tests of this folder; its machines end after the last test."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from configs.schema import PROJECT_ROOT
from tests.system.cluster_up.cluster import Cluster, cluster
from tests.system.cluster_up.host import PACKAGES
from tests.system.cluster_up.network import network


@pytest.fixture(scope="module")
def served() -> Iterator[Cluster]:
    if (reason := _missing()) is not None:
        pytest.skip(reason)
    with network("head", "worker") as machines, cluster(machines) as up:
        yield up


def _missing() -> str | None:
    """Say why this machine can't be divided into others, if it can't."""
    if os.geteuid() != 0:
        return "only root may make hosts of namespaces"
    for tool in ("unshare", "nsenter", "setpriv", "ip", "ss", "ssh", "curl", "pgrep"):
        if shutil.which(tool) is None:
            return f"{tool} isn't installed"
    if not PACKAGES.exists() and not (shutil.which("sshd") and shutil.which("rsync")):
        return "neither sshd and rsync nor Debian's packages of them are here: make test-cluster"
    try:
        with network("probe"):
            pass
    except AssertionError as error:
        return f"this machine has no namespaces for hosts: {error}"[:1000]
    # Each host calls `make setup`, which must find nothing to do.
    ready = subprocess.run(("make", "-q", "setup"), cwd=PROJECT_ROOT, check=False)  # noqa: S607
    if ready.returncode != 0:
        return ".venv isn't up to date: make setup"
    return None
