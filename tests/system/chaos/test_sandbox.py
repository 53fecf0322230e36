"""Faults of the network and the disk, in namespaces of their own."""

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from configs.schema import PROJECT_ROOT
from deployments.chaos.sandbox import inside

pytestmark = pytest.mark.skipif(inside([]) is None, reason="needs root, unshare, ip and mount")


def run(module: str) -> Any:
    """Run a module of this folder in namespaces of its own, and return what it printed."""
    command = inside([sys.executable, "-m", f"tests.system.chaos.{module}"])
    assert command is not None
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
def test_packets_are_lost_one_way_or_both() -> None:
    assert run("losing_packets") == {
        "cut": [False, False, True],
        "cut-to": [False, True, True],
        "cut-from": [True, False, True],
    }


def test_a_disk_is_full_until_it_is_healed() -> None:
    before, full, after = run("filling_disk")
    assert before > 0
    assert full == 0
    assert after == before
