"""A node's copy of a set in S3: each file fetched once, whatever the number of its ranks."""

import logging
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from configs.errors import OutOfReachError, StoreError
from model_shards.files.crew import Crew
from model_shards.files.disk import require_space
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.cached_set import CachedSet
from model_shards.store.client import connect
from model_shards.store.download import PART_BYTES, Downloader
from model_shards.store.location import Location
from model_shards.store.remote_manifest import parsed, read_manifest

_BRIEF_S = 2.0  # for S3, where the cache could do

logger = logging.getLogger("vllm.expert_shards")


class NodeCache:
    """One process's access to the cache; processes with the same root wait for one another.

    A file that was fetched for an earlier set at the same location is never taken for this set's.
    While S3 is out of reach, the set is the one that was last seen there. Raises StoreError if
    there is no set.
    """

    def __init__(
        self,
        location: Location,
        root: Path,
        *,
        verify: bool = True,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._location = location
        self.verified = verify
        self._part_bytes = part_bytes
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._held = self._seen(root)
        except OSError as error:
            raise StoreError(f"{root}: not a place for a cache: {error.strerror}") from error

    def _seen(self, root: Path) -> CachedSet:
        """Return the set at the location, or the last one that was seen there."""
        url = str(self._location)
        last = CachedSet.last_of(root, url)
        try:
            content = read_manifest(connect(None if last is None else _BRIEF_S), self._location)
        except OutOfReachError as error:
            if last is None:
                raise
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last.seen_s))
            logger.warning("%s. Taking the manifest that was there at %s", error, since)
            self.manifest = parsed(last.manifest() or b"", self._location)
            return last
        self.manifest = parsed(content, self._location)
        held = CachedSet.of(root, content)
        held.see(url, content)
        return held

    @cached_property
    def _downloader(self) -> Downloader:
        directory, part_bytes = self._held.directory, self._part_bytes
        return Downloader(connect(), self._location, directory, Crew(), Meter(), part_bytes)

    def require(self, files: Iterable[ShardFile]) -> None:
        """Raise StoreError if the disk has too little room for these files."""
        directory = self._held.directory
        require_space(directory, [file for file in files if not (directory / file.name).exists()])

    def fetch(self, file: ShardFile) -> Path:
        """Return where the file is, once it is here and verified."""
        return self._downloader.bring(file, verify=self.verified)

    def companions(self) -> Path:
        """Fetch params.json, the tokenizer and the like; return their and the manifest's place."""
        self.require(self.manifest.companions)
        for file in self.manifest.companions:
            self.fetch(file)
        return self._held.directory
