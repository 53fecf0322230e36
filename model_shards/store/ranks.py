"""The ranks for which files are fetched, as they are written on the command line: `0-7,9`."""

import re
from dataclasses import dataclass
from typing import Self

from configs.errors import ConfigError
from model_shards.shard_set.manifest import Manifest, ShardFile

_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Some of `expert_parallel` ranks that share the experts; None: as many as the set's groups."""

    ids: tuple[int, ...]
    expert_parallel: int | None = None

    @classmethod
    def parse(cls, text: str, expert_parallel: int | None = None) -> Self:
        """Read a list of ranks and ranges. Raises ConfigError if `text` isn't one."""
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
        """Return the files that these ranks read, companions first.

        Raises CheckpointError if the set can't serve them.
        """
        size = len(manifest.groups) if self.expert_parallel is None else self.expert_parallel
        return (*manifest.companions, *manifest.weights_of(self.ids, size), *manifest.draft)
