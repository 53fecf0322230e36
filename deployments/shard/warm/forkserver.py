"""The forkserver of a shard: Python's own, with vLLM loaded, and its part in vLLM's start.

It costs the memory of vLLM's modules, which the processes forked from it share. It holds no model,
no sockets of an engine, and no context of a GPU. Read from Python 3.11 and vLLM 0.32.
"""

import logging
import multiprocessing
import multiprocessing.forkserver
import os
import select
import signal
import sys
import threading
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from configs.environment import become, variables

_PRELOAD = "deployments.shard.warm.preload"
# vLLM's modules that start processes.
_STARTERS = (
    "vllm.v1.engine.coordinator",
    "vllm.v1.engine.utils",
    "vllm.v1.executor.multiproc_executor",
)

logger = logging.getLogger("ray.serve")


def forkserver(preload: str = _PRELOAD) -> ForkServerContext | None:
    """Start the forkserver of this process, wait until it is warm, and return how to fork from it.

    Returns None if processes can't be forked: CUDA was initialized in it, or it failed. It ends
    when this process and all that were forked have ended; they end with this process. Blocks.
    """
    multiprocessing.forkserver.set_forkserver_preload([preload])
    context = _Context()
    try:
        probe = context.Process(target=_probe, args=(preload,))
        probe.start()
        probe.join()
    except (OSError, EOFError) as error:
        logger.warning("engines aren't forked, but spawned: the forkserver fails: %r", error)
        return None
    if probe.exitcode:
        logger.warning("engines aren't forked, but spawned: the forkserver isn't fit for it")
        return None
    return context


def start_from(context: ForkServerContext) -> None:
    """Have vLLM, as far as it is loaded, start the processes of engines by `context`."""
    for name in _STARTERS:
        if (module := sys.modules.get(name)) is not None:
            vars(module)["get_mp_context"] = lambda: context


class _Process(ForkServerProcess):
    """Has the environment that its creator had when starting it, and ends with its creator."""

    def start(self) -> None:
        self._environment = variables()
        self._creator = os.getpid()
        super().start()

    def run(self) -> None:
        become(self._environment)
        threading.Thread(target=_end_with, args=(self._creator,), daemon=True).start()
        # An engine core starts workers. Python would start another forkserver for them.
        vars(multiprocessing.forkserver._forkserver)["ensure_running"] = lambda: None
        start_from(_Context())
        super().run()


class _Context(ForkServerContext):
    Process = _Process


def _end_with(creator: int) -> None:
    """Wait for the end of a process that isn't the parent, and end this one."""
    try:
        select.select([os.pidfd_open(creator)], [], [])
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def _probe(preload: str) -> None:
    """Exit with 0 in a process from whose like engines can start."""
    import torch

    cuda: Any = torch.cuda
    loaded = preload in sys.modules
    sys.exit(0 if loaded and not (cuda.is_initialized() or cuda._is_in_bad_fork()) else 1)
