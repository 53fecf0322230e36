"""The manifest at a location, which says that a whole set is there."""

from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from configs.errors import StoreError
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.store.client import Client, explained, is_missing
from model_shards.store.location import Location
from model_shards.store.persistence import stream


def find_manifest(client: Client, location: Location) -> bytes | None:
    """Return the manifest as it was sent, or None if there is none (yet)."""

    def body_from(at: int) -> Any:
        key = location.key(MANIFEST)
        return client.get_object(Bucket=location.bucket, Key=key, Range=f"bytes={at}-")["Body"]

    with explained(location.url(MANIFEST)):
        try:
            return b"".join(stream(body_from))
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def read_manifest(client: Client, location: Location) -> bytes:
    """Return the manifest of a set. Raises StoreError if there is no whole set."""
    content = find_manifest(client, location)
    if content is None:
        raise StoreError(
            f"{location}: no {MANIFEST}, so no whole shard set. Correct the location, or push one "
            "there: `small4 shard push` goes on with an unfinished one"
        )
    return content


def parsed(content: bytes, location: Location) -> Manifest:
    """Parse the manifest of a location. Raises StoreError if it isn't a manifest."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise StoreError(
            f"{location.url(MANIFEST)} isn't a shard set's manifest: {error}"
        ) from error
