"""Logs how many tokens a rank has in each step of its gang.

The engine argument `scheduler_cls` names the scheduler. The directory is in the environment: the
engine is a process of its own. Read from vLLM 0.32.
"""

import os
from pathlib import Path
from typing import Any

from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.engine.core import DPEngineCoreProc

DIRECTORY = "SMALL4_STEP_LOG"


class LoggedScheduler(Scheduler):
    """vLLM's scheduler, with a log of the gang's steps.

    A rank without requests isn't asked to schedule, but steps with the others.
    """

    def __init__(self, vllm_config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(vllm_config, *args, **kwargs)
        self._tokens = 0
        rank = vllm_config.parallel_config.data_parallel_index
        path = Path(os.environ[DIRECTORY]) / f"rank-{rank}.csv"
        self._log = path.open("a", encoding="ascii", buffering=1)
        self._count_steps()

    def schedule(self, *args: Any, **kwargs: Any) -> Any:
        output = super().schedule(*args, **kwargs)
        self._tokens = output.total_num_scheduled_tokens
        return output

    def _count_steps(self) -> None:
        """Log each step where every rank ends it; all count waves, and steps in them, alike."""
        ends = DPEngineCoreProc._has_global_unfinished_reqs

        def logged(core: Any, local_unfinished: bool) -> bool:
            self._log.write(f"{core.current_wave},{core.step_counter},{self._tokens}\n")
            self._tokens = 0
            going_on: bool = ends(core, local_unfinished)
            return going_on

        DPEngineCoreProc._has_global_unfinished_reqs = logged
