"""The ranks for which files are fetched, as they are written on the command line: `0-7,9`."""

import re
from dataclasses import dataclass
from typing import Self

from configs.errors import ConfigError
from model_shards.shard_set.manifest import Manifest, ShardFile

_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Some of the `expert_parallel` ranks that share the experts; the set's groups if None."""

    ids: tuple[int, ...]
    expert_parallel: int | None = None

    @classmethod
    def parse(cls, text: str, expert_parallel: int | None = None) -> Self:
        """Raises ConfigError for what isn't a list of ranks and ranges."""
        ids: set[int] = set()
        for part in text.split(","):
            match = _RANGE.fullmatch(part.strip())
            first = int(match[1]) if match else 0
            last = int(match[2] or first) if match else -1
            if last < first:
                raise ConfigError(
                    f"ranks: {part!r} in {text!r} isn't a rank or a range. Write it as in 0-7,9"
                )
            ids.update(range(first, last + 1))
        return cls(tuple(sorted(ids)), expert_parallel)

    def files(self, manifest: Manifest) -> tuple[ShardFile, ...]:
        """What they read, companions first; raises CheckpointError where the set can't serve them.

        An `expert_parallel` that isn't given is the number of the set's groups.
        """
        size = len(manifest.groups) if self.expert_parallel is None else self.expert_parallel
        return (*manifest.companions, *manifest.weights_of(self.ids, size))
