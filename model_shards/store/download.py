"""Fetches files from S3: their parts side by side into a `.partial` file, then hash and name.

boto3's own transfer manager begins a file again where a process was killed, and compares no hash.
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.digest import sha256_of
from model_shards.files.disk import size_fault
from model_shards.files.durable import partial_path
from model_shards.files.journal import Journal
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.client import Client, explained
from model_shards.store.location import Location
from model_shards.store.persistence import stream

PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 8

logger = logging.getLogger("vllm.expert_shards")


@dataclass(frozen=True, slots=True)
class Downloader:
    """Fetches files of one location into one directory."""

    client: Client
    location: Location
    directory: Path
    crew: Crew
    meter: Meter
    part_bytes: int = PART_BYTES

    def bring(self, file: ShardFile, *, verify: bool = True) -> Path:
        """Return where the file is, once it is as the manifest says: fetch it if it isn't.

        A file that is there is read, or only its size compared without `verify`. Processes that
        want the same file wait for the one that fetches it. Raises StoreError if the object isn't
        the manifest's either, or S3 or the disk refuses.
        """
        path = self.directory / file.name
        with explained(self.location.url(file.name)):
            found = _stamp(path)
            wrong = found and _fault(path, file, verify=verify)
            if found and not wrong:
                self.meter.spared(file.size_bytes)
                return path
            if wrong:
                logger.warning("%s is %s: it is fetched again", path, wrong)
            path.parent.mkdir(exist_ok=True)
            with Journal.held(path.with_name(f".{path.name}.parts")) as parts:
                if wrong and _stamp(path) == found:  # else another process has replaced it
                    path.unlink()
                if not path.exists():
                    self._fetch(file, parts)
                parts.remove()
        return path

    def _fetch(self, file: ShardFile, parts: Journal) -> None:
        path = self.directory / file.name
        partial, key = partial_path(path), f"{file.sha256} {self.part_bytes}"
        if parts.key != key:
            parts.begin(key)
        sha256 = self._fill(file, parts, partial)
        if sha256 != file.sha256:  # perhaps the fault was on the way, or on this disk
            parts.begin(key)
            sha256 = self._fill(file, parts, partial)
        if sha256 != file.sha256:
            parts.begin(key)
            raise StoreError(
                f"{self.location.url(file.name)}: fetched twice, and its SHA-256 is {sha256}, in "
                f"the manifest {file.sha256}. Delete this object and push the set again; if other "
                f"machines fetch it well, look after the disk of {self.directory}"
            )
        partial.replace(path)

    def _fill(self, file: ShardFile, parts: Journal, partial: Path) -> str:
        """Fetch the parts that aren't noted, and return the SHA-256 of the whole file."""
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            os.truncate(descriptor, file.size_bytes)

            def fetch_part(part: int) -> None:
                with explained(self.location.url(file.name)):
                    self._fetch_part(file, part * self.part_bytes, descriptor)
                    parts.note(str(part))

            self.crew.run(fetch_part, self._missing(file, parts), _PARTS_AT_ONCE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return sha256_of(partial)

    def _missing(self, file: ShardFile, parts: Journal) -> Iterator[int]:
        done = {int(note) for note in parts.notes}
        for part, start in enumerate(range(0, file.size_bytes, self.part_bytes)):
            if part in done:
                self.meter.spared(min(self.part_bytes, file.size_bytes - start))
            else:
                yield part

    def _fetch_part(self, file: ShardFile, start: int, descriptor: int) -> None:
        end = min(start + self.part_bytes, file.size_bytes)
        at = start
        for chunk in stream(lambda got: self._body(file, start + got, end)):
            os.pwrite(descriptor, chunk, at)
            at += len(chunk)
            self.meter.moved(len(chunk))

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


def _fault(path: Path, file: ShardFile, *, verify: bool) -> str | None:
    if what := size_fault(path, file.size_bytes):
        return what
    return "altered" if verify and sha256_of(path) != file.sha256 else None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its place; None if there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
