"""The machine that figures come from."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from cluster.cpu import cpu_model
from deployments.bench.vllm_command import vllm_version

_PACKAGES = ("small4", "ray", "torch", "mistral_common", "transformers")


class Machine(BaseModel):
    """Hardware, load and versions at the bench's start."""

    model_config = ConfigDict(frozen=True)

    cpu: str
    cores: int
    memory_gb: float
    system: str
    load_1_min: float
    versions: dict[str, str]

    @classmethod
    def this(cls) -> "Machine":
        return cls(
            cpu=cpu_model(Path("/proc/cpuinfo").read_text("utf-8")),
            cores=len(os.sched_getaffinity(0)),
            memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
            system=f"{platform.system()} {platform.release()}",
            load_1_min=round(os.getloadavg()[0], 2),
            versions={
                "python": platform.python_version(),
                "vllm": vllm_version(),
                **{name: _version(name) for name in _PACKAGES},
            },
        )

    @property
    def busy(self) -> bool:
        """Whether something else was running: then figures, and even ratios, will be off."""
        return self.load_1_min > self.cores / 4

    def describe(self) -> str:
        versions = ", ".join(f"{name} {release}" for name, release in self.versions.items())
        return f"{self.cpu}, {self.cores} cores, {self.memory_gb:.0f} GB, {self.system}\n{versions}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
