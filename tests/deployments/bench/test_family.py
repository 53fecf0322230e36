import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from deployments.bench.family import Family

# A parent that says its child's process id, and neither ends by itself.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def pair() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        yield psutil.Process(parent.pid), child
        for process in (child, parent):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_all_are_frozen_and_go_on(pair: tuple[psutil.Process, psutil.Process]) -> None:
    family = Family(pair[0].pid)
    family.freeze()
    deadline_s = time.monotonic() + 10  # a process stops soon after it is told to
    while any(process.status() != psutil.STATUS_STOPPED for process in pair):
        assert time.monotonic() < deadline_s
    family.thaw()
    assert psutil.STATUS_STOPPED not in {process.status() for process in pair}


def test_all_end_even_when_frozen(pair: tuple[psutil.Process, psutil.Process]) -> None:
    family = Family(pair[0].pid)
    family.freeze()
    family.end(timeout_s=2)  # the child isn't told by its parent, and must be killed
    assert not any(process.is_running() for process in pair)
