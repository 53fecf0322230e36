"""`deployments.idle_cores`, on threads and processes of this test."""

import os
import subprocess
import sys
import threading
from contextlib import ExitStack

import psutil
import pytest

from deployments import idle_cores
from deployments.idle_cores import on_idle_cores

_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
print("ready", flush=True)
child.wait()
"""


def policies(process: psutil.Process) -> set[int]:
    return {os.sched_getscheduler(thread.id) for thread in process.threads()}


@pytest.mark.skipif(
    not idle_cores._may_return(), reason="needs root's rights, or the capability CAP_SYS_NICE"
)
def test_all_that_it_has_and_starts_gives_way_and_returns() -> None:
    over = threading.Event()
    with ExitStack() as leaving:

        def begin_thread() -> None:
            thread = threading.Thread(target=over.wait)
            thread.start()
            leaving.callback(thread.join)
            leaving.callback(over.set)

        begin_thread()
        with on_idle_cores():
            begin_thread()
            child = leaving.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            started = psutil.Process(child.pid)
            # Not all children of this process: what other tests began may be among them.
            family = [psutil.Process(), started, *started.children()]
            assert [policies(process) for process in family] == [{os.SCHED_IDLE}] * 3
        assert [policies(process) for process in family] == [{os.SCHED_OTHER}] * 3


def test_it_stays_as_it_is_where_it_could_not_return(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: int, policy: int, _param: os.sched_param) -> None:
        if policy == os.SCHED_OTHER:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    changed: list[int] = []
    monkeypatch.setattr(idle_cores, "_schedule", lambda _, policy: changed.append(policy))
    with on_idle_cores():
        pass
    assert changed == []
