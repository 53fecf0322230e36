"""Cuts a checkpoint by expert, so that a rank can read just the base and its own experts."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from configs.errors import CheckpointError, StoreError
from model_shards.files.crew import Crew
from model_shards.files.digest import sha256_of
from model_shards.files.disk import require_space, size_fault
from model_shards.files.journal import Journal
from model_shards.files.meter import Meter
from model_shards.placement.order import ExpertOrder
from model_shards.shard_set.file_writer import FileWriter
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import MANIFEST, Manifest, ShardFile
from model_shards.shard_set.plan import Plan
from model_shards.shard_set.planned_file import PlannedFile

JOURNAL = ".split"
_FILES_AT_ONCE = 8


def split(  # noqa: PLR0913 - what is cut, how, and what goes along
    source: Path,
    out: Path,
    order: ExpertOrder,
    groups: int,
    meter: Meter | None = None,
    *,
    draft: Path | None = None,
) -> Manifest:
    """Write the shard set of a checkpoint in Mistral format, cut into `groups` of experts.

    A draft head's own checkpoint, `draft`, goes along whole. Raises CheckpointError for a source,
    an order or a number of groups that can't be cut, StoreError if `out` is the source, and what
    `write_set` raises.
    """
    if source.resolve() == out.resolve():
        raise StoreError(f"{out}: the source itself. Name another directory")
    return write_set(Plan.make(source, order, groups, draft=draft), out, meter or Meter())


def write_set(plan: Plan, out: Path, meter: Meter) -> Manifest:
    """Write the set that a plan describes.

    Files that an interrupted split has finished aren't written again, nor is a set that is whole.
    Raises StoreError if `out` holds something else or has too little room, and CheckpointError if
    the source changes meanwhile.
    """
    meter.expect(plan.size_bytes)
    key = plan.key()
    try:
        if not (out / MANIFEST).exists():
            _require_empty(out)
            out.mkdir(parents=True, exist_ok=True)
            with _held(out, key) as journal:
                if not (out / MANIFEST).exists():  # else another process has finished meanwhile
                    return _write(plan, key, out, journal, meter)
        return _whole(plan, key, out, meter)
    except OSError as error:
        raise StoreError(f"{out} can't be used: {error}") from error


def _write(plan: Plan, key: str, out: Path, journal: Journal, meter: Meter) -> Manifest:
    noted = {file.name: file for file in map(ShardFile.model_validate_json, journal.notes)}
    missing = [file for file in plan.files if file.name not in noted or _lost(out, file)]
    done = {file.name: noted[file.name] for file in plan.files if file not in missing}
    require_space(out, missing)
    for file in done.values():
        meter.spared(file.size_bytes)
    crew = Crew()
    writer = FileWriter(out, crew, meter)

    def write(file: PlannedFile) -> None:
        done[file.name] = writer.write(file)
        journal.note(done[file.name].model_dump_json())

    crew.run(write, missing, _FILES_AT_ONCE)
    if plan.key() != key:
        raise CheckpointError(
            f"source: it changed while it was split. Delete {out}, and split again once it is "
            "left alone"
        )
    manifest = plan.manifest({name: file.sha256 for name, file in done.items()})
    manifest.write(out)
    journal.remove()
    return manifest


def _whole(plan: Plan, key: str, out: Path, meter: Meter) -> Manifest:
    """Return the manifest of the set that is there, and write again the files that it has lost.

    Raises StoreError if it isn't the set that the plan describes.
    """
    there = Manifest.load(out)
    sha256 = {file.name: file.sha256 for file in there.files}
    as_they_are = (*plan.companions, *plan.draft)
    sha256 |= {file.name: sha256_of(file.ranges[0].path) for file in as_they_are}
    same = (
        there.source.identity == plan.source.identity
        and all(file.name in sha256 for file in plan.files)
        and plan.manifest(sha256).model_copy(update={"source": there.source}) == there
    )
    if not same:
        raise StoreError(
            f"{out}: holds another shard set. Name another directory, or delete that one first"
        )
    lost = [file for file in plan.files if _lost(out, file)]
    meter.spared(plan.size_bytes - sum(file.size_bytes for file in lost))
    if lost:
        require_space(out, lost)
        with _held(out, key):
            _write_again(lost, sha256, FileWriter(out, Crew(), meter))
    Holding(there, frozenset(range(len(there.groups)))).write(out)
    (out / JOURNAL).unlink(missing_ok=True)
    return there


def _write_again(lost: list[PlannedFile], sha256: Mapping[str, str], writer: FileWriter) -> None:
    """Write lost files. Raises CheckpointError if the source gives other bytes than the set had."""
    for file in lost:
        if writer.write(file).sha256 != sha256[file.name]:
            (writer.directory / file.name).unlink()
            raise CheckpointError(
                f"source: it isn't what {writer.directory} was split from any more, so {file.name} "
                "can't be written again. Split it into another directory"
            )


def _require_empty(out: Path) -> None:
    if out.exists() and not (out / JOURNAL).exists() and any(out.iterdir()):
        raise StoreError(
            f"{out}: isn't empty, and holds no unfinished split. Name another directory"
        )


def _lost(out: Path, file: PlannedFile) -> bool:
    return size_fault(out / file.name, file.size_bytes) is not None


@contextlib.contextmanager
def _held(out: Path, key: str) -> Iterator[Journal]:
    """Hold the journal of a split into `out`.

    Raises StoreError if another process splits into it, or has begun another split there.
    """
    try:
        with Journal.held(out / JOURNAL, wait=False) as journal:
            if journal.key not in ("", key):
                raise StoreError(
                    f"{out}: holds an unfinished split of another checkpoint, or of the same in "
                    "another way. Name another directory, or delete that one first"
                )
            if not journal.key:
                journal.begin(key)
            yield journal
    except BlockingIOError as error:
        raise StoreError(f"{out}: another process is splitting into it. Wait for it") from error
