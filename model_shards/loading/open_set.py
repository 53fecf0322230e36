"""A shard set where it is: in a directory, or in S3 behind a node's cache."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from configs.weights import S3
from model_shards.shard_set.manifest import Manifest, ShardFile
from model_shards.shard_set.tensor_file import require_size


class OpenSet(Protocol):
    """What `DirectorySet` is, and `model_shards.store.node_cache.NodeCache`."""

    @property
    def manifest(self) -> Manifest: ...

    def fetch(self, file: ShardFile) -> Path:
        """Where the file is on this machine, once it is."""

    def companions(self) -> Path:
        """A directory with params.json, the tokenizer and the manifest."""


class DirectorySet:
    """Raises CheckpointError where there is no whole set."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.manifest = Manifest.load(directory)

    def fetch(self, file: ShardFile) -> Path:
        path = self._directory / file.name
        require_size(path, file)
        return path

    def companions(self) -> Path:
        return self._directory


def open_set(source: str, cache: Path) -> OpenSet:
    """A directory's, or with `cache` for its files that of an `s3://bucket/prefix`.

    Raises CheckpointError or StoreError that names what is wrong with it.
    """
    if not source.startswith(S3):
        return DirectorySet(Path(source))
    from model_shards.store.location import Location
    from model_shards.store.node_cache import NodeCache

    return NodeCache(Location.parse(source), cache)


def require_here(opened: OpenSet, files: Iterable[ShardFile]) -> None:
    """Raises CheckpointError for a file that a directory lacks, before others are read for long.

    What is in S3 is fetched when it is needed, and checked then.
    """
    if isinstance(opened, DirectorySet):
        for file in files:
            opened.fetch(file)
