"""A set in a node's cache: a directory named by its manifest's SHA-256, and what is noted there."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_shards.files.durable import write_whole
from model_shards.shard_set.manifest import MANIFEST

_URLS = ".urls"  # where the set was found, a line each


@dataclass(frozen=True, slots=True)
class CachedSet:
    """The directory of one set, which may hold any of its files."""

    directory: Path

    @classmethod
    def of(cls, root: Path, manifest: bytes) -> "CachedSet":
        return cls(root / hashlib.sha256(manifest).hexdigest())

    @classmethod
    def all(cls, root: Path) -> Iterator["CachedSet"]:
        return (cls(path) for path in sorted(root.glob("?" * 64)))

    @classmethod
    def last_of(cls, root: Path, url: str) -> "CachedSet | None":
        """Return the set that was last seen at a URL, and whose manifest is still what it was."""
        sound = [held for held in cls.all(root) if url in held.urls and held.manifest() is not None]
        return max(sound, key=lambda held: held.seen_s, default=None)

    @property
    def urls(self) -> list[str]:
        path = self.directory / _URLS
        return path.read_text("utf-8").splitlines() if path.exists() else []

    @property
    def seen_s(self) -> float:
        """When the manifest was last read from S3, in seconds of the epoch."""
        return (self.directory / MANIFEST).stat().st_mtime

    @property
    def used_path(self) -> Path:
        """Return the file whose time is that of the set's last use."""
        return self.directory / _URLS

    @property
    def used_s(self) -> float:
        path = self.used_path if self.used_path.exists() else self.directory
        return path.stat().st_mtime

    def manifest(self) -> bytes | None:
        """Return the manifest, or None if it isn't there or was altered."""
        path = self.directory / MANIFEST
        content = path.read_bytes() if path.exists() else b""
        return content if hashlib.sha256(content).hexdigest() == self.directory.name else None

    def use(self, url: str, manifest: bytes, *, seen: bool) -> None:
        """Note that a process uses this set, and whether its manifest was just seen at the URL."""
        self.directory.mkdir(exist_ok=True)
        if self.manifest() is None:
            write_whole(self.directory / MANIFEST, manifest)
        if seen:
            os.utime(self.directory / MANIFEST)
        if url in self.urls:
            os.utime(self.used_path)
        else:
            write_whole(self.directory / _URLS, "\n".join([*self.urls, url]).encode())
