"""Opens a shard set where it is: in a directory, or in S3 behind a node's cache."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from configs.weights import S3, CacheLimits
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import Manifest, ShardFile
from model_shards.shard_set.tensor_file import require_size


class OpenSet(Protocol):
    """An open shard set: `DirectorySet` below, or `model_shards.store.node_cache.NodeCache`."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def verified(self) -> bool:
        """Tell whether files are compared with the manifest before `fetch` returns."""

    def require(self, files: Iterable[ShardFile]) -> None:
        """Raise CheckpointError or StoreError if these files can't be here, before any is read."""

    def fetch(self, file: ShardFile) -> Path:
        """Return where the file is on this machine, once it is there."""

    def companions(self) -> Path:
        """Return a directory with params.json, the tokenizer and the manifest."""


class DirectorySet:
    """A shard set in a directory. Raises CheckpointError if there is no whole set."""

    verified = False  # the directory may be on a network: its files are read once

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.manifest = Manifest.load(directory)

    def require(self, files: Iterable[ShardFile]) -> None:
        holding = Holding.load(self._directory, self.manifest)
        for file in files:
            holding.require(self._directory, file)
            require_size(self._directory / file.name, file)

    def fetch(self, file: ShardFile) -> Path:
        return self._directory / file.name

    def companions(self) -> Path:
        return self._directory


def open_set(
    source: str,
    cache: Path,
    limits: CacheLimits = CacheLimits(),  # noqa: B008, it is frozen
    *,
    verify: bool = True,
) -> OpenSet:
    """Open the set in a directory, or at an `s3://bucket/prefix`, whose files `cache` then holds.

    Raises CheckpointError or StoreError, which names what is wrong with the set.
    """
    if not source.startswith(S3):
        return DirectorySet(Path(source))
    from model_shards.store.location import Location
    from model_shards.store.node_cache import NodeCache

    return NodeCache(Location.parse(source), cache, limits, verify=verify)
