"""The command ends without Ray's shutdown at the end of a process; here Ray is a stand-in."""

import subprocess
import sys

import pytest

_CODE = """
import atexit, sys, types
sys.modules["ray"] = types.SimpleNamespace(is_initialized=lambda: {connected})
atexit.register(print, "farewell")
sys.argv = ["small4", "keys", *{arguments}]
from deployments.cli.main import main
main()
"""


def run(connected: bool, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = _CODE.format(connected=connected, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("connected", [True, False])
def test_what_is_printed_arrives_and_ray_says_farewell_only_where_it_is_not_connected(
    connected: bool,
) -> None:
    done = run(connected, "new", "team-a")
    assert done.returncode == 0
    assert "team-a" in done.stdout
    assert ("farewell" in done.stdout) is not connected


def test_a_mistake_is_still_a_mistake() -> None:
    done = run(True, "old")
    assert done.returncode == 2
    assert "No such command" in done.stderr
    assert "farewell" not in done.stdout
