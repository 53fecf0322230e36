"""A node's copy of a set in S3: each file fetched once, whatever the number of its ranks."""

import hashlib
from pathlib import Path

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.disk import require_space
from model_shards.files.durable import write_whole
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import MANIFEST, ShardFile
from model_shards.store.client import connect
from model_shards.store.download import PART_BYTES, Downloader
from model_shards.store.location import Location
from model_shards.store.remote_manifest import read_manifest


class NodeCache:
    """One process's access to the cache; processes with the same root wait for one another.

    Its directory is named by the manifest's SHA-256: a file that was fetched for an earlier set at
    the same location is never taken for this set's. Raises StoreError if there is no set.
    """

    def __init__(self, location: Location, root: Path, part_bytes: int = PART_BYTES) -> None:
        self._client = connect()
        self._location = location
        self._part_bytes = part_bytes
        self.manifest, self._content = read_manifest(self._client, location)
        self._directory = root / hashlib.sha256(self._content).hexdigest()
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{root}: not a place for a cache: {error.strerror}") from error

    def fetch(self, file: ShardFile) -> Path:
        """Return where the file is, once it is whole; wait while another process fetches it."""
        path = self._directory / file.name
        if not path.exists():
            require_space(self._directory, [file])
            Downloader(
                self._client, self._location, self._directory, Crew(), Meter(), self._part_bytes
            ).fetch(file)
        return path

    def companions(self) -> Path:
        """Fetch params.json, the tokenizer and the manifest, and return their directory."""
        for file in self.manifest.companions:
            self.fetch(file)
        if not (self._directory / MANIFEST).exists():
            write_whole(self._directory / MANIFEST, self._content)
        return self._directory
