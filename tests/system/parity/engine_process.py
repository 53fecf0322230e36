"""What the process of a run does; importing this module imports no engine."""

import asyncio
import multiprocessing
import os
import sys
from pathlib import Path

from tests.system.parity.generation import Run

ENGINE = "tests.system.parity.engine"


def run(run_path: Path, outcome_path: Path, log_path: Path, environment: dict[str, str]) -> None:
    """Run vLLM on the `Run` of a file and write its `Outcome`; all output goes to the log."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    with log_path.open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")

    from vllm.v1.engine import utils

    from tests.system.parity.engine import outcome

    utils.get_mp_context = lambda: multiprocessing.get_context("fork")
    finished = asyncio.run(outcome(Run.model_validate_json(run_path.read_bytes())))
    outcome_path.write_text(finished.model_dump_json())
