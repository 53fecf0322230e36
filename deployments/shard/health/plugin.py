"""A vLLM plugin: engine core and workers write their pulse, and their stacks when asked.

Read from vLLM 0.32.
"""

import faulthandler
import functools
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from configs.environment import pulse_file
from deployments.shard.health.pulse import ENGINE, Pulse

STACK_SIGNAL = signal.SIGUSR2
_LOOK_EVERY_S = 1.0


def register() -> None:
    """Let the engine core of this process, if it becomes one, write its pulse.

    Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice. Does nothing
    in a process that no shard has started.
    """
    if (pulse := own_pulse()) is None:
        return
    from vllm.v1.engine import core

    if hasattr(core.EngineCoreProc._process_input_queue, "__wrapped__"):
        return
    core.EngineCoreProc._process_input_queue = _between_steps(
        core.EngineCoreProc._process_input_queue, pulse
    )
    for process in (core.EngineCoreProc, core.DPEngineCoreProc):
        process.run_busy_loop = noting_failures(process.run_busy_loop)


@functools.cache
def own_pulse() -> Pulse | None:
    """Return where this process writes its pulse.

    From now on it shows its stacks when asked, and doesn't outlive who started it.
    """
    if (file := pulse_file()) is None:
        return None
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    stacks = beside(file, "stacks", os.getpid()).open("w")  # never closed: a handler writes to it
    faulthandler.register(STACK_SIGNAL, file=stacks)
    return Pulse(file)


def _end_with(parent: int) -> None:
    """End this process when its parent has ended: it would keep the GPU from its successor.

    Ray does so only as long as its own processes live.
    """
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)


def beside(pulse: Path, what: str, pid: int) -> Path:
    """Return where a process leaves its stacks, or its failure, for its shard."""
    return pulse.with_name(f"{what}-{pid}")


def _between_steps(wait: Callable[..., None], pulse: Pulse) -> Callable[..., None]:
    """Wrap the part of the engine core's loop that waits for work: the rest is its step.

    So a step ends when the next wait begins, collectives that ranks of a gang do between steps
    included.
    """

    @functools.wraps(wait)
    def wrapped(self: Any) -> None:
        pulse.end(ENGINE)
        wait(self)
        pulse.begin(ENGINE)

    return wrapped


def noting_failures(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method of an engine core or worker: leave its exception where the shard finds it."""

    @functools.wraps(run)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except Exception as error:
            if (file := pulse_file()) is not None:
                said = " ".join(f"{type(error).__name__}: {error}".split())
                calls = "".join(traceback.format_tb(error.__traceback__))
                beside(file, "failure", os.getpid()).write_text(f"{said}\n{calls}")
            raise

    return wrapped
