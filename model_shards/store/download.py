"""Fetches a file from S3: its parts side by side into a `.partial` file, then hash and name."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.digest import sha256_of
from model_shards.files.durable import partial_path
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.client import Client, explained
from model_shards.store.location import Location
from model_shards.store.part_journal import PartJournal
from model_shards.store.persistence import persist

PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Downloader:
    """Fetches files of one location into one directory."""

    client: Client
    location: Location
    directory: Path
    crew: Crew
    meter: Meter
    part_bytes: int = PART_BYTES

    def fetch(self, file: ShardFile) -> None:
        """Fetch a file unless it is there, or wait for another process that fetches it.

        When this returns, the file's SHA-256 is the manifest's. Raises StoreError if the object is
        another than the manifest's, or S3 or the disk refuses.
        """
        url = self.location.url(file.name)
        path = self.directory / file.name
        path.parent.mkdir(exist_ok=True)
        journal = path.with_name(f".{path.name}.parts")
        with explained(url), PartJournal.held(journal, self._identity(file)) as parts:
            if not path.exists():
                self._fetch(file, parts)
            parts.remove()

    def _fetch(self, file: ShardFile, parts: PartJournal) -> None:
        path = self.directory / file.name
        partial = partial_path(path)
        sha256 = self._fill(file, parts, partial)
        if sha256 != file.sha256:  # perhaps the fault was on the way, or on this disk
            parts.forget()
            sha256 = self._fill(file, parts, partial)
        if sha256 != file.sha256:
            parts.forget()
            raise StoreError(
                f"{self.location.url(file.name)}: fetched twice, and its SHA-256 is {sha256}, in "
                f"the manifest {file.sha256}. Delete this object and push the set again"
            )
        partial.replace(path)

    def _fill(self, file: ShardFile, parts: PartJournal, partial: Path) -> str:
        """Fetch the parts that aren't noted, and return the SHA-256 of the whole file."""
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.truncate(descriptor, file.size_bytes)

            def fetch_part(part: int) -> None:
                with explained(self.location.url(file.name)):
                    self._fetch_part(file, part, descriptor)
                    parts.note(part)

            self.crew.run(fetch_part, self._missing(file, parts), _PARTS_AT_ONCE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return sha256_of(partial)

    def _missing(self, file: ShardFile, parts: PartJournal) -> Iterator[int]:
        for part, start in enumerate(range(0, file.size_bytes, self.part_bytes)):
            if part in parts.done:
                self.meter.spared(min(self.part_bytes, file.size_bytes - start))
            else:
                yield part

    def _fetch_part(self, file: ShardFile, part: int, descriptor: int) -> None:
        at = part * self.part_bytes
        end = min(at + self.part_bytes, file.size_bytes)

        def go_on() -> None:
            nonlocal at
            with closing(self._body(file, at, end)) as body:
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    os.pwrite(descriptor, chunk, at)
                    at += len(chunk)
                    self.meter.moved(len(chunk))

        persist(go_on)

    def _body(self, file: ShardFile, start: int, end: int) -> Any:
        answer = self.client.get_object(
            Bucket=self.location.bucket,
            Key=self.location.key(file.name),
            Range=f"bytes={start}-{end - 1}",
        )
        expected = f"bytes {start}-{end - 1}/{file.size_bytes}"
        if answer.get("ContentRange") != expected:
            answer["Body"].close()
            raise StoreError(
                f"{self.location.url(file.name)}: asked for {expected}, got "
                f"{answer.get('ContentRange')}. If its size isn't the manifest's, delete this "
                "object and push the set again"
            )
        return answer["Body"]

    def _identity(self, file: ShardFile) -> str:
        return f"{file.sha256} {self.part_bytes}"
