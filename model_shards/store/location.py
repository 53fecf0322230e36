"""Where a shard set is kept: `s3://bucket/prefix`."""

import re
from dataclasses import dataclass
from typing import Self

from configs.errors import StoreError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"(?!\.\.?$)[A-Za-z0-9_.=+@:-]+")


@dataclass(frozen=True, slots=True)
class Location:
    """A prefix below which the files of one set lie side by side."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `s3://bucket/prefix`. Raises StoreError, which says what part of it is wrong."""
        scheme, separator, rest = url.partition("://")
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.removesuffix("/")
        if scheme != "s3" or not separator:
            raise _refused(url, "it has to begin with s3://")
        if not _BUCKET.fullmatch(bucket):
            raise _refused(
                url, f"{bucket!r} can't be a bucket: 3 to 63 of a-z, 0-9, dots and hyphens"
            )
        if not prefix:
            raise _refused(url, "a prefix has to follow the bucket")
        for segment in prefix.split("/"):
            if not _SEGMENT.fullmatch(segment):
                raise _refused(
                    url, f"{segment!r} can't be in a prefix: letters, digits and _.=+@:- only"
                )
        return cls(bucket, prefix)

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def url(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.key(name)}"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def _refused(url: str, why: str) -> StoreError:
    return StoreError(f"location: {url!r} isn't s3://bucket/prefix: {why}")
