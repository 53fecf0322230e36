"""Work that takes only what others leave of the cores."""

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_DEFAULT = os.sched_param(0)


@contextmanager
def on_idle_cores() -> Iterator[None]:
    """Let this process, and what it starts meanwhile, run where nothing else wants to (SCHED_IDLE).

    Nothing changes where the operating system wouldn't let it return: without root's rights, or the
    capability CAP_SYS_NICE.
    """
    if not _may_return():
        yield
        return
    _schedule(psutil.Process(), os.SCHED_IDLE)
    try:
        yield
    finally:
        me = psutil.Process()
        for process in (me, *me.children(recursive=True)):
            _schedule(process, os.SCHED_OTHER)


def _may_return() -> bool:
    """Try in a thread, which has a policy of its own."""
    may: list[bool] = []

    def attempt() -> None:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_IDLE, _DEFAULT)
            os.sched_setscheduler(0, os.SCHED_OTHER, _DEFAULT)
            may.append(True)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(may)


def _schedule(process: psutil.Process, policy: int) -> None:
    """Change the policy of all threads, also of those that are begun meanwhile."""
    done = set[int]()
    with contextlib.suppress(psutil.NoSuchProcess):
        while new := {thread.id for thread in process.threads()} - done:
            for thread in new:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, policy, _DEFAULT)
            done |= new
