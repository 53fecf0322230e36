"""Copies the ranges of one planned file, and hashes them in passing."""

import hashlib
import os
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from configs.errors import CheckpointError, StoreError
from model_shards.files.crew import Crew
from model_shards.files.durable import partial_path, sync_directory
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.shard_set.planned_file import PlannedFile

_CHUNK_BYTES = 1 << 20  # stays in the processor's cache from the read to the hash and the write


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes files into one directory; each is on disk before it gets its name."""

    directory: Path
    crew: Crew
    meter: Meter

    def write(self, file: PlannedFile) -> ShardFile:
        """Write a file, and return it as the manifest names it.

        Raises CheckpointError if the source ends too soon, and StoreError if the disk is full or
        fails.
        """
        path = self.directory / file.name
        partial = partial_path(path)
        try:
            path.parent.mkdir(exist_ok=True)
            sha256 = self._fill(file, partial)
            partial.replace(path)
            sync_directory(path.parent)
        except OSError as error:
            raise StoreError(
                f"{path}: {error}. Mend it, and start again: the split goes on with this file"
            ) from error
        return ShardFile(name=file.name, size_bytes=file.size_bytes, sha256=sha256)

    def _fill(self, file: PlannedFile, partial: Path) -> str:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        with ExitStack() as stack:
            target = stack.enter_context(partial.open("wb", buffering=0))
            paths = {part.path for part in file.ranges}
            sources = {path: stack.enter_context(path.open("rb", buffering=0)) for path in paths}
            self._put(target, digest, memoryview(file.header))
            for part in file.ranges:
                at, end = part.offset, part.offset + part.size_bytes
                while at < end:
                    self.crew.check()
                    read = os.preadv(sources[part.path].fileno(), [buffer[: end - at]], at)
                    if not read:
                        raise CheckpointError(f"source: {part.path} got shorter: download it again")
                    self._put(target, digest, buffer[:read])
                    at += read
            os.fsync(target.fileno())
        return digest.hexdigest()

    def _put(self, target: FileIO, digest: "hashlib._Hash", chunk: memoryview) -> None:
        digest.update(chunk)
        self.meter.moved(len(chunk))
        while chunk:
            chunk = chunk[target.write(chunk) :]
