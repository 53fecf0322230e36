"""Checks that a shard set's files are what its manifest says."""

import os
from dataclasses import dataclass
from pathlib import Path

from model_shards.files.crew import Crew
from model_shards.files.digest import sha256_of
from model_shards.files.disk import size_fault
from model_shards.files.meter import Meter
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import Manifest, ShardFile


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that isn't as it was written, and what is wrong with it."""

    name: str
    what: str


def verify(directory: Path, meter: Meter | None = None) -> list[Fault]:
    """Read every file of a set; return what is missing, short, long or altered, in the set's order.

    What `pull --ranks` left out isn't missing. Raises CheckpointError if there is no manifest.
    """
    meter = meter or Meter()
    files = Holding.load(directory, Manifest.load(directory)).files
    meter.expect(sum(file.size_bytes for file in files))
    crew = Crew()
    faults: dict[str, Fault] = {}

    def check(file: ShardFile) -> None:
        if what := _fault(directory / file.name, file, crew, meter):
            faults[file.name] = Fault(file.name, what)

    crew.run(check, files, os.cpu_count() or 1)
    return [faults[file.name] for file in files if file.name in faults]


def _fault(path: Path, file: ShardFile, crew: Crew, meter: Meter) -> str | None:
    def passed(size_bytes: int) -> None:
        crew.check()
        meter.moved(size_bytes)

    if what := size_fault(path, file.size_bytes):
        meter.spared(file.size_bytes)
        return what
    try:
        sha256 = sha256_of(path, passed)
    except OSError as error:
        return f"can't be read, {error.strerror}"
    return None if sha256 == file.sha256 else f"altered, SHA-256 {sha256}"
