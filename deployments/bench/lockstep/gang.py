"""The gang that is measured: two ranks that log their steps, behind one router after another."""

import copy
import time
from pathlib import Path
from typing import Any

from configs.errors import ClusterError
from configs.serve_file import BUILDER
from deployments.bench.local_config import local_config
from deployments.bench.lockstep.step_log import DIRECTORY
from deployments.bench.lockstep.waste import Steps, read_steps
from deployments.bench.served import Served
from deployments.ray_serve.rest_api import ServeApi

_BASELINES = "deployments.bench.lockstep.baselines"
# Builders by the way in which their router chooses a rank.
BUILDERS = {
    "small4": BUILDER,
    "round robin": f"{_BASELINES}:round_robin",
    "least loaded": f"{_BASELINES}:least_loaded",
}
_RANKS = 2
_DEPLOY_TIMEOUT_S = 300


class Gang(Served):
    """A served gang, whose router can be replaced while its ranks run."""

    def __init__(self, directory: Path) -> None:
        """Take a directory for config and logs, and remove logs of an earlier run."""
        self._logs = [directory / f"rank-{rank}.csv" for rank in range(_RANKS)]
        self._offsets = [0] * _RANKS
        for log in self._logs:
            log.unlink(missing_ok=True)
        super().__init__(_config(directory), directory / "lockstep.yaml")

    def choose_by(self, name: str) -> None:
        """Put another router before the ranks, which keep running; `name` is one of BUILDERS.

        Raises ClusterError if the router doesn't come up.
        """
        api, raw = ServeApi(), copy.deepcopy(self._raw)
        raw["applications"][0]["import_path"] = BUILDERS[name]
        api.deploy(raw)
        deadline_s = time.monotonic() + _DEPLOY_TIMEOUT_S
        while (status := api.status("small4")) is None or status.status != "RUNNING":
            if time.monotonic() > deadline_s:
                raise ClusterError(f"the router by {name} isn't up: {status}")
            time.sleep(1)

    def forget_steps(self) -> None:
        self._offsets = [log.stat().st_size for log in self._logs]

    def steps(self) -> list[Steps]:
        """Return each rank's steps since `forget_steps`."""
        return [read_steps(*log) for log in zip(self._logs, self._offsets, strict=True)]


def _config(directory: Path) -> dict[str, Any]:
    raw = local_config()
    application = raw["applications"][0]
    application["runtime_env"]["env_vars"][DIRECTORY] = str(directory)
    args = application["args"]
    args["engine"]["scheduler_cls"] = "deployments.bench.lockstep.step_log.LoggedScheduler"
    # A sixth of the longest prompt; the 119B model's longest is sixteen times its usual step.
    args["engine"]["max_num_batched_tokens"] = 512
    return raw
