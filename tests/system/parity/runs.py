"""An engine in a process of its own, run to its end."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
    """Fails the test, with the end of the engine's log, if the engine fails."""
    run = Run(checkpoint=checkpoint, dtype=dtype, ranks=ranks, waves=waves, **loading)
    run_path, outcome_path, log_path = (scratch / name for name in ("run", "outcome", "log"))
    run_path.write_text(run.model_dump_json())
    command = [sys.executable, "-m", "tests.system.parity.engine", str(run_path), str(outcome_path)]
    with log_path.open("wb") as log, _process_group(command, log.fileno()) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_RUN_LIMIT_S)
        status = process.poll()
    if status != 0:
        ended = f"still running after {_RUN_LIMIT_S} s" if status is None else f"status {status}"
        pytest.fail(f"engine: {ended}\n{log_path.read_text()[-4000:]}")
    return Outcome.model_validate_json(outcome_path.read_bytes())


@contextlib.contextmanager
def _process_group(command: list[str], log: int) -> Iterator[subprocess.Popen[bytes]]:
    """A command of which nothing is left afterwards, engine cores and workers included."""
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        env=os.environ | _ENVIRONMENT,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
