"""Which sets leave a node's cache: those unused for long, then the least recently used."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from configs.errors import StoreError
from configs.weights import CacheLimits
from model_shards.files.disk import missing_bytes
from model_shards.shard_set.manifest import Manifest
from model_shards.store.cached_set import CachedSet
from model_shards.store.lease import wanted

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of the disk a set takes, how much its processes will fetch, and its last use."""

    held: CachedSet
    size_bytes: int
    used_s: float  # of the epoch
    in_use: bool = False
    incoming_bytes: int = 0

    @classmethod
    def of(cls, held: CachedSet) -> "Usage":
        names, content = wanted(held.directory), held.manifest()
        if names is not None:
            os.utime(held.used_path)  # now
        files = Manifest.model_validate_json(content).files if content else ()
        missing = [
            file
            for file in files
            if file.name in (names or ()) and not (held.directory / file.name).exists()
        ]
        return cls(
            held=held,
            size_bytes=_size_bytes(held.directory),
            used_s=held.used_s,
            in_use=names is not None,
            incoming_bytes=missing_bytes(held.directory, missing),
        )


def _size_bytes(directory: Path) -> int:
    total_bytes = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process has just renamed it
            total_bytes += path.stat().st_blocks * 512
    return total_bytes


def doomed(
    usages: Iterable[Usage], limits: CacheLimits, free_bytes: int, now_s: float
) -> list[Usage]:
    """Return the sets to delete, the least recently used first; none that is in use."""
    usages = sorted(usages, key=lambda usage: usage.used_s)
    incoming_bytes = sum(usage.incoming_bytes for usage in usages)
    total_bytes = incoming_bytes + sum(usage.size_bytes for usage in usages)
    going: list[Usage] = []
    for usage in usages:
        days = (now_s - usage.used_s) / _DAY_S
        old = limits.unused_days is not None and days >= limits.unused_days
        over = limits.gigabytes is not None and total_bytes > limits.gigabytes * 1e9
        if not usage.in_use and (old or over or incoming_bytes > free_bytes):
            going.append(usage)
            total_bytes -= usage.size_bytes
            free_bytes += usage.size_bytes
    return going


def require_room(root: Path) -> None:
    """Raise StoreError if all idle sets leave too little room for what processes will fetch.

    The caller holds the cache.
    """
    usages = [Usage.of(held) for held in CachedSet.all(root)]
    free_bytes = shutil.disk_usage(root).free
    incoming_bytes = sum(usage.incoming_bytes for usage in usages)
    idle_bytes = sum(usage.size_bytes for usage in usages if not usage.in_use)
    if incoming_bytes > free_bytes + idle_bytes:
        raise StoreError(
            f"weights.cache: the ranks of this machine will fetch {incoming_bytes / 1e9:.1f} GB to "
            f"{root}, which has {free_bytes / 1e9:.1f} GB free, and {idle_bytes / 1e9:.1f} GB of "
            "sets that aren't in use. Make room, or name another directory"
        )


def prune(root: Path, limits: CacheLimits) -> list[Usage]:
    """Delete what the limits, or what is about to be fetched, leave no room for; return it.

    The caller holds the cache.
    """
    usages = [Usage.of(held) for held in CachedSet.all(root)]
    going = doomed(usages, limits, shutil.disk_usage(root).free, time.time())
    for usage in going:
        shutil.rmtree(usage.held.directory)
    return going
