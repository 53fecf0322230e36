"""The processes of the only gang on this machine, by what they call themselves."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

_SHARD = "ray::ServeReplica:small4:ExpertShard"
_ENGINE = "VLLM::EngineCore"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Gang:
    """Its shards, and those of their descendants that run vLLM's engine core."""

    shards: tuple[psutil.Process, ...]
    engines: tuple[psutil.Process, ...]

    @classmethod
    def now(cls) -> "Gang":
        processes = dict(_titles())
        return cls(
            tuple(process for process, title in processes.items() if title.startswith(_SHARD)),
            tuple(process for process, title in processes.items() if title.startswith(_ENGINE)),
        )

    def without(self, before: "Gang") -> "Gang":
        """Return the processes that weren't there before."""
        return Gang(
            tuple(process for process in self.shards if process not in before.shards),
            tuple(process for process in self.engines if process not in before.engines),
        )

    def memory_mib(self) -> float:
        """Return what all processes of the shards occupy, each shared page counted once (PSS)."""
        members = {
            member for shard in self.shards for member in (shard, *shard.children(recursive=True))
        }
        return float(sum(member.memory_full_info().pss for member in members)) / _MIB


def _titles() -> Iterator[tuple[psutil.Process, str]]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if title := " ".join(process.cmdline()[:1]):
                yield process, title
