"""Sends a shard set to S3, its manifest last: a location that has a manifest has a whole set."""

from pathlib import Path

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.disk import size_fault
from model_shards.files.meter import Meter
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import MANIFEST, Manifest, ShardFile
from model_shards.store.client import connect, explained
from model_shards.store.location import Location
from model_shards.store.remote_manifest import find_manifest
from model_shards.store.upload import PART_BYTES, Uploader

_FILES_AT_ONCE = 4


def push(
    directory: Path,
    location: Location,
    meter: Meter,
    part_bytes: int = PART_BYTES,
) -> Manifest:
    """Send the files that aren't there yet; an interrupted push goes on where it stopped.

    Raises CheckpointError if the directory holds no set, and StoreError if a file isn't what the
    manifest says, another set is at the location, or S3 refuses.
    """
    manifest = Manifest.load(directory)
    holding = Holding.load(directory, manifest)
    if not holding.whole:
        raise StoreError(f"{directory}: holds {holding} only. Pull it whole first")
    for file in manifest.files:
        _require_size(directory, file)
    content = (directory / MANIFEST).read_bytes()
    client = connect()
    there = find_manifest(client, location)
    if there not in (None, content):
        raise StoreError(
            f"{location}: another shard set is there, and may be in use. Push to another prefix, "
            "or delete that one first"
        )
    meter.expect(sum(file.size_bytes for file in manifest.files))
    crew = Crew()
    uploader = Uploader(client, location, directory, crew, meter, part_bytes)
    crew.run(uploader.send, manifest.files, _FILES_AT_ONCE)
    if there is None:
        with explained(location.url(MANIFEST)):
            client.put_object(Bucket=location.bucket, Key=location.key(MANIFEST), Body=content)
    return manifest


def _require_size(directory: Path, file: ShardFile) -> None:
    path = directory / file.name
    if what := size_fault(path, file.size_bytes):
        raise StoreError(f"{path}: {what}. Push a whole set: split or pull it again")
