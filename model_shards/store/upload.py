"""Sends a file to S3 with boto3's transfer manager, which splits it and has S3 check each part.

No object has the file's name before its last part is there and its SHA-256 is the manifest's. That
hash goes with the object, so that the next push can tell that it is there.
"""

import hashlib
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.client import Client, explained, is_missing
from model_shards.store.location import Location

PART_BYTES = 16 << 20  # S3 takes 10,000 parts; up to ten of a file are in memory
_PARTS_AT_ONCE = 4
_HASH = "sha256"  # of the whole file, in the object's metadata


@dataclass(frozen=True, slots=True)
class Uploader:
    """Sends files of one directory to one location."""

    client: Client
    location: Location
    directory: Path
    crew: Crew
    meter: Meter
    part_bytes: int = PART_BYTES

    def send(self, file: ShardFile) -> None:
        """Send a file unless it is there.

        Raises StoreError if the file isn't what the manifest says, or S3 doesn't take it.
        """
        place = {"Bucket": self.location.bucket, "Key": self.location.key(file.name)}
        with explained(self.location.url(file.name)):
            if self._is_there(file, place):
                self.meter.spared(file.size_bytes)
                return
            with _Verified(self.directory / file.name, file, self.crew) as content:
                self.client.upload_fileobj(
                    content,
                    *place.values(),
                    ExtraArgs={"Metadata": {_HASH: file.sha256}},
                    Callback=self.meter.moved,
                    Config=TransferConfig(
                        multipart_threshold=self.part_bytes,
                        multipart_chunksize=self.part_bytes,
                        max_concurrency=_PARTS_AT_ONCE,
                    ),
                )
            if file.size_bytes >= self.part_bytes:
                self._abort_others(place)

    def _is_there(self, file: ShardFile, place: dict[str, str]) -> bool:
        try:
            head = self.client.head_object(**place)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        sha256 = head["Metadata"].get(_HASH)
        return bool(head["ContentLength"] == file.size_bytes and sha256 == file.sha256)

    def _abort_others(self, place: dict[str, str]) -> None:
        """Drop what interrupted pushes of this file have left: hidden parts, which cost money."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=place["Bucket"], Prefix=place["Key"]
        )
        for upload in (upload for page in pages for upload in page.get("Uploads", ())):
            if upload["Key"] == place["Key"]:
                self.client.abort_multipart_upload(**place, UploadId=upload["UploadId"])


class _Verified(FileIO):
    """A file that can be read once, and whose end isn't handed out if its hash is wrong."""

    def __init__(self, path: Path, file: ShardFile, crew: Crew) -> None:
        super().__init__(path)
        self._file = file
        self._crew = crew
        self._hash = hashlib.sha256()

    def seekable(self) -> bool:
        return False  # else the manager would read its parts in any order

    def read(self, size: int | None = -1) -> bytes:
        """Read on. Raises StoreError instead of returning the end of another file."""
        self._crew.check()
        content = super().read(size) or b""
        self._hash.update(content)
        sha256 = self._hash.hexdigest()
        if (not content or self.tell() >= self._file.size_bytes) and sha256 != self._file.sha256:
            raise StoreError(
                f"{self.name!s}: its SHA-256 is {sha256}, in the manifest {self._file.sha256}; "
                "it wasn't sent. Split the checkpoint again"
            )
        return content
