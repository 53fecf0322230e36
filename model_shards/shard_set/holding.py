"""What a directory holds of its set: all, unless `small4 shard pull --ranks` left experts out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from configs.errors import CheckpointError
from model_shards.files.durable import write_whole
from model_shards.shard_set.manifest import Manifest, ShardFile

_MARK = ".groups"  # JSON: the numbers of the groups that are there; a whole set has no mark


@dataclass(frozen=True, slots=True)
class Holding:
    """The expert groups that a directory holds, beside the base and the companions."""

    manifest: Manifest
    groups: frozenset[int]

    @classmethod
    def load(cls, directory: Path, manifest: Manifest) -> Self:
        """Read the mark. Raises CheckpointError if it isn't one."""
        path = directory / _MARK
        if not path.exists():
            return cls(manifest, frozenset(range(len(manifest.groups))))
        try:
            return cls(manifest, frozenset(int(group) for group in json.loads(path.read_bytes())))
        except (ValueError, TypeError) as error:
            raise CheckpointError(
                f"weights: {path} doesn't say which expert groups are there ({error}). Delete it, "
                "and pull again without --ranks"
            ) from error

    @property
    def whole(self) -> bool:
        return len(self.groups) == len(self.manifest.groups)

    @property
    def files(self) -> tuple[ShardFile, ...]:
        return self.manifest.files_of(self.groups)

    def write(self, directory: Path) -> None:
        if self.whole:
            (directory / _MARK).unlink(missing_ok=True)
        else:
            write_whole(directory / _MARK, json.dumps(sorted(self.groups)).encode())

    def require(self, directory: Path, file: ShardFile) -> None:
        """Raise CheckpointError if the file is of experts that were left out."""
        for number, group in enumerate(self.manifest.groups):
            if file in group and number not in self.groups:
                raise CheckpointError(
                    f"weights: {directory} holds {self} only, and here rank {number} is read. Pull "
                    "the set there again, with --ranks for all ranks of this machine, or without"
                )

    def __str__(self) -> str:
        """Name the ranks, of as many as there are groups, whose experts are there."""
        numbers = ",".join(str(group) for group in sorted(self.groups))
        return f"what ranks {numbers} of {len(self.manifest.groups)} read"
