"""An engine in processes of its own, run to its end.

Each run is forked from a server that has imported vLLM once, for an import takes as long as a run
of nano does. Engine cores are forked likewise, where vLLM would start new interpreters.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.system.parity import engine_process
from tests.system.parity.generation import Outcome, Request, Run

_RUN_LIMIT_S = 240
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_MLA_DISABLE": "1",
    # Every socket on loopback, gloo's included.
    "VLLM_HOST_IP": "127.0.0.1",
    "GLOO_SOCKET_IFNAME": "lo",
}


def outcome(
    checkpoint: Path,
    dtype: str,
    ranks: int,
    waves: list[list[Request]],
    scratch: Path,
    **loading: Any,
) -> Outcome:
    """Run an engine; fail the test, with the end of the engine's log, if the engine fails."""
    run = Run(checkpoint=checkpoint, dtype=dtype, ranks=ranks, waves=waves, **loading)
    paths = tuple(scratch / name for name in ("run", "outcome", "log"))
    run_path, outcome_path, log_path = paths
    run_path.write_text(run.model_dump_json())
    with _running(paths) as process:
        process.join(_RUN_LIMIT_S)
        status = process.exitcode
    if status != 0:
        ended = f"still running after {_RUN_LIMIT_S} s" if status is None else f"status {status}"
        pytest.fail(f"engine: {ended}\n{log_path.read_text()[-4000:]}")
    return Outcome.model_validate_json(outcome_path.read_bytes())


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([engine_process.ENGINE])
    return context


@contextlib.contextmanager
def _running(paths: tuple[Path, ...]) -> Iterator[ForkServerProcess]:
    """Start a run and end all that is left of it, engine cores and workers included."""
    with patch.dict(os.environ, _ENVIRONMENT):
        environment = dict(os.environ)  # the server's own is that of its first run
        process = _forks().Process(target=engine_process.run, args=(*paths, environment))
        process.start()
    assert process.pid is not None  # of a group of its own, too
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
