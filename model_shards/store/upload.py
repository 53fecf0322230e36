"""Sends a file to S3 in parts, each with a checksum that S3 verifies.

No object has the file's name before its last part is there and its SHA-256 is the manifest's. That
hash goes with the object, so that the next push can tell that it is there.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import ShardFile
from model_shards.store.client import Client, explained, is_missing
from model_shards.store.location import Location
from model_shards.store.persistence import persist

PART_BYTES = 32 << 20  # S3 takes 10,000 parts of 5 MiB and more
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
        with explained(self.location.url(file.name)):
            if self._is_there(file):
                self.meter.spared(file.size_bytes)
            elif file.size_bytes <= self.part_bytes:
                self._send_whole(file)
            else:
                self._send_parts(file)

    def _is_there(self, file: ShardFile) -> bool:
        try:
            head = self.client.head_object(**self._object(file))
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        sha256 = head["Metadata"].get(_HASH)
        return bool(head["ContentLength"] == file.size_bytes and sha256 == file.sha256)

    def _send_whole(self, file: ShardFile) -> None:
        content = (self.directory / file.name).read_bytes()
        digest = hashlib.sha256(content)
        self._require_match(file, digest.hexdigest())
        self.client.put_object(
            **self._object(file),
            Body=content,
            ChecksumSHA256=_in_base64(digest.digest()),
            Metadata={_HASH: file.sha256},
        )
        self.meter.moved(len(content))

    def _send_parts(self, file: ShardFile) -> None:
        upload = self._object(file) | {"UploadId": self._begun(file) or self._begin(file)}
        there = self._parts_there(upload)
        whole = hashlib.sha256()
        parts: dict[int, dict[str, Any]] = {}

        def send_part(numbered: tuple[int, bytes]) -> None:
            number, content = numbered
            checksum = _in_base64(hashlib.sha256(content).digest())
            part = there.get(number, {})
            if part and _is_same(part, content, checksum):
                self.meter.spared(len(content))
            else:
                part = self._send_part(upload, number, content, checksum)
                self.meter.moved(len(content))
            parts[number] = {"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": checksum}

        self.crew.run(send_part, self._blocks(file, whole), _PARTS_AT_ONCE)
        try:
            self._require_match(file, whole.hexdigest())
        except StoreError:
            self.client.abort_multipart_upload(**upload)
            raise
        in_order = {"Parts": [parts[number] for number in sorted(parts)]}
        self.client.complete_multipart_upload(**upload, MultipartUpload=in_order)
        if not self._is_there(file):  # the upload had been begun for a file of another hash
            self.client.copy_object(
                **self._object(file),
                CopySource=self._object(file),
                ChecksumAlgorithm="SHA256",
                MetadataDirective="REPLACE",
                Metadata={_HASH: file.sha256},
            )

    def _send_part(
        self, upload: dict[str, str], number: int, content: bytes, checksum: str
    ) -> dict[str, Any]:
        def attempt() -> dict[str, Any]:
            answer: dict[str, Any] = self.client.upload_part(
                **upload, PartNumber=number, Body=content, ChecksumSHA256=checksum
            )
            return answer

        with explained(f"s3://{upload['Bucket']}/{upload['Key']}"):
            return persist(attempt)

    def _blocks(self, file: ShardFile, whole: Any) -> Iterator[tuple[int, bytes]]:
        """Yield the numbered parts; `whole` is then the hash of all of them."""
        number = 0
        with (self.directory / file.name).open("rb") as source:
            while content := source.read(self.part_bytes):
                number += 1
                whole.update(content)
                yield number, content

    def _begin(self, file: ShardFile) -> str:
        begun = self.client.create_multipart_upload(
            **self._object(file), ChecksumAlgorithm="SHA256", Metadata={_HASH: file.sha256}
        )
        return str(begun["UploadId"])

    def _begun(self, file: ShardFile) -> str | None:
        """Return the id of the upload that an interrupted push has left, the latest of several."""
        key = self.location.key(file.name)
        pages = self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.location.bucket, Prefix=key
        )
        begun = [
            (upload["Initiated"], str(upload["UploadId"]))
            for page in pages
            for upload in page.get("Uploads", ())
            if upload["Key"] == key
        ]
        return max(begun)[1] if begun else None

    def _parts_there(self, upload: dict[str, str]) -> dict[int, dict[str, Any]]:
        pages = self.client.get_paginator("list_parts").paginate(**upload)
        return {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}

    def _object(self, file: ShardFile) -> dict[str, str]:
        return {"Bucket": self.location.bucket, "Key": self.location.key(file.name)}

    def _require_match(self, file: ShardFile, sha256: str) -> None:
        if sha256 != file.sha256:
            raise StoreError(
                f"{self.directory / file.name}: its SHA-256 is {sha256}, in the manifest "
                f"{file.sha256}; it wasn't sent. Split the checkpoint again"
            )


def _is_same(part: dict[str, Any], content: bytes, checksum: str) -> bool:
    """Tell whether a part that is there has this content.

    Not every store lists checksums; without them the ETag is the MD5, unless KMS encrypts.
    """
    if listed := part.get("ChecksumSHA256"):
        return bool(listed == checksum)
    return bool(part["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest())


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
