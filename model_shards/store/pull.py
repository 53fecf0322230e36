"""Fetches a shard set from S3, or as much of it as some ranks need; the manifest comes last."""

from pathlib import Path

from configs.errors import StoreError
from model_shards.files.crew import Crew
from model_shards.files.disk import require_space
from model_shards.files.durable import write_whole
from model_shards.files.meter import Meter
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import MANIFEST, ShardFile
from model_shards.store.client import connect
from model_shards.store.download import PART_BYTES, Downloader
from model_shards.store.location import Location
from model_shards.store.ranks import Ranks
from model_shards.store.remote_manifest import parsed, read_manifest

_FILES_AT_ONCE = 4
BEGUN = ".pull"  # the manifest of the set that is being fetched into a directory


def pull(
    location: Location,
    directory: Path,
    meter: Meter,
    ranks: Ranks | None = None,
    part_bytes: int = PART_BYTES,
) -> tuple[ShardFile, ...]:
    """Fetch the files that these ranks need, or the whole set without `ranks`; return these files.

    A set without the experts of other ranks is marked as such (`Holding`), and a later pull adds to
    it. Files that are there are read, and fetched again only if they aren't what the manifest says.
    Raises StoreError if S3 or the disk refuses or the directory holds anything else, and
    CheckpointError for ranks that the set can't serve.
    """
    client = connect()
    content = read_manifest(client, location)
    manifest = parsed(content, location)
    every = frozenset(range(len(manifest.groups)))
    wanted = Holding(manifest, every if ranks is None else ranks.groups(manifest))
    files = wanted.files
    _prepare(directory, content, location)
    meter.expect(sum(file.size_bytes for file in files))
    missing = [file for file in files if not (directory / file.name).exists()]
    require_space(directory, missing)
    crew = Crew()
    downloader = Downloader(client, location, directory, crew, meter, part_bytes)
    crew.run(downloader.bring, files, _FILES_AT_ONCE)
    there = Holding.load(directory, manifest) if (directory / MANIFEST).exists() else wanted
    Holding(manifest, wanted.groups | there.groups).write(directory)
    write_whole(directory / MANIFEST, content)
    (directory / BEGUN).unlink(missing_ok=True)
    return files


def _prepare(directory: Path, content: bytes, location: Location) -> None:
    """Make the directory, and note the set in it. Raises StoreError if it holds anything else.

    A file that isn't the set's own would be deleted if a file of the set has its name.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        marks = [path for path in (directory / MANIFEST, directory / BEGUN) if path.exists()]
        if not marks and any(directory.iterdir()):
            raise StoreError(
                f"{directory}: isn't empty, and holds no shard set. Name another directory"
            )
        other = any(path.read_bytes() != content for path in marks)
        if not marks:
            write_whole(directory / BEGUN, content)
    except OSError as error:
        raise StoreError(f"{directory} can't be used: {error.strerror}") from error
    if other:
        raise StoreError(
            f"{directory}: holds another shard set than {location}, or a part of one. Name another "
            "directory, or delete that one first"
        )
