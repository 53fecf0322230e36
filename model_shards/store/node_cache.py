"""A node's copy of a set in S3: each file fetched once, whatever the number of its ranks."""

import logging
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from configs.errors import OutOfReachError
from configs.weights import CacheLimits
from model_shards.files.crew import Crew
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.cached_set import CachedSet
from model_shards.store.client import connect
from model_shards.store.download import PART_BYTES, Downloader
from model_shards.store.lease import Lease, locked
from model_shards.store.location import Location
from model_shards.store.pruning import prune, require_room
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
        limits: CacheLimits = CacheLimits(),  # noqa: B008, it is frozen
        *,
        verify: bool = True,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._location = location
        self._root = root
        self._limits = limits
        self.verified = verify
        self._part_bytes = part_bytes
        content, seen = self._last_or_present()
        self.manifest = parsed(content, location)
        held = CachedSet.of(root, content)
        with locked(root):
            held.use(str(location), content, seen=seen)
            self._lease = Lease.of(held.directory, held.used_path)
        self._directory = held.directory

    def _last_or_present(self) -> tuple[bytes, bool]:
        """Return the manifest at the location, or the last one seen there; and whether it is."""
        with locked(self._root):
            last = CachedSet.last_of(self._root, str(self._location))
            known = None if last is None else (last.manifest() or b"", last.seen_s)
        try:
            return read_manifest(connect(_BRIEF_S if known else None), self._location), True
        except OutOfReachError as error:
            if known is None:
                raise
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known[1]))
            logger.warning("%s. Taking the manifest that was there at %s", error, since)
            return known[0], False

    @cached_property
    def _downloader(self) -> Downloader:
        return Downloader(
            connect(), self._location, self._directory, Crew(), Meter(), self._part_bytes
        )

    def require(self, files: Iterable[ShardFile]) -> None:
        """Raise StoreError if there is too little room for what this machine's processes require.

        Ranks require their files before any of them loads, and what is required of one counts for
        the others.
        """
        with locked(self._root):
            self._lease.want(file.name for file in files)
            require_room(self._root)
            for gone in prune(self._root, self._limits):
                logger.info("%s was deleted from the cache", gone.held.directory)

    def fetch(self, file: ShardFile) -> Path:
        """Return where the file is, once it is here and verified."""
        return self._downloader.bring(file, verify=self.verified)

    def companions(self) -> Path:
        """Fetch params.json, the tokenizer and the like; return their and the manifest's place."""
        self.require(self.manifest.companions)
        for file in self.manifest.companions:
            self.fetch(file)
        return self._directory
