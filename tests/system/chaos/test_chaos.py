"""The short form of `make chaos`: one fault under traffic, on two gangs of one rank."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from configs.schema import PROJECT_ROOT
from deployments.chaos.report import Report

_OPTIONS = {
    "--seed": 1,
    "--faults": 1,
    "--kinds": "kill-engine",
    "--ranks": 1,
    "--routers": 1,
    "--clients": 12,
    "--calm-s": 5,
}


@pytest.fixture
def results() -> Iterator[Path]:
    """Give a folder that isn't below `/tmp`, which the run has of its own."""
    with TemporaryDirectory(dir=PROJECT_ROOT / ".cache") as folder:
        yield Path(folder)


def test_clients_notice_nothing_of_a_killed_engine(results: Path) -> None:
    words = [str(word) for option in _OPTIONS.items() for word in option]
    done = subprocess.run(
        [sys.executable, "-m", "deployments.chaos", *words, "--into", str(results)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-5000:]
    report = Report.model_validate_json((results / "seed-1.json").read_bytes())
    (fault,) = report.faults
    assert fault.counts.resumed > 0  # streams were at the engine that was killed
    assert report.counts.right == report.counts.sent
    assert fault.noticed_s is not None
    assert fault.whole_s is not None
    assert report.left_behind == []
    assert "<svg" in (results / "seed-1.html").read_text("utf-8")
