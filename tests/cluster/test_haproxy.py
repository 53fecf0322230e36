"""The script by which Ray Serve starts HAProxy."""

import subprocess
import sys
from pathlib import Path


def test_it_runs_haproxy_without_splicing(tmp_path: Path) -> None:
    script = tmp_path / "below" / "haproxy"
    # As on a node whose environment names the script already.
    environment = {"RAY_SERVE_HAPROXY_BINARY_PATH": str(script)}
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "cluster.haproxy", str(script)], check=True, env=environment
        )
    assert str(script) not in script.read_text()
    assert script.read_text().endswith(' "$@" -dS\n')  # without splicing
    version = subprocess.run([script, "-v"], check=True, capture_output=True, text=True).stdout
    assert "HAProxy version" in version
