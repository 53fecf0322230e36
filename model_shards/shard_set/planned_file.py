"""A file of the set before it is written: what it will consist of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_shards.shard_set.placed_tensor import ByteRange, PlacedTensor
from model_shards.shard_set.safetensors_header import header_bytes


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to write: first `header`, then ranges of the source's files, one after another."""

    name: str
    header: bytes
    ranges: tuple[ByteRange, ...]

    @property
    def size_bytes(self) -> int:
        return len(self.header) + sum(part.size_bytes for part in self.ranges)


def whole(path: Path, below: str = "") -> PlannedFile:
    """Plan a copy of a file, in the directory `below` of the set if it names one."""
    name = f"{below}/{path.name}" if below else path.name
    return PlannedFile(name, b"", (ByteRange(path, 0, path.stat().st_size),))


def weight_files(
    prefix: str, tensors: Sequence[PlacedTensor], metadata: Mapping[str, str], file_bytes: int
) -> tuple[PlannedFile, ...]:
    """Plan numbered files of at most `file_bytes` of tensors, or of one larger tensor."""
    in_source_order = sorted(tensors, key=lambda placed: (placed.tensor.path, placed.tensor.offset))
    parts = list(_parts(in_source_order, file_bytes))
    return tuple(
        _weight_file(f"{prefix}-{number:05d}-of-{len(parts):05d}.safetensors", part, metadata)
        for number, part in enumerate(parts, start=1)
    )


def _parts(tensors: Sequence[PlacedTensor], file_bytes: int) -> Iterator[list[PlacedTensor]]:
    part: list[PlacedTensor] = []
    held_bytes = 0
    for placed in tensors:
        if part and held_bytes + placed.tensor.size_bytes > file_bytes:
            yield part
            part, held_bytes = [], 0
        part.append(placed)
        held_bytes += placed.tensor.size_bytes
    if part:
        yield part


def _weight_file(
    name: str, tensors: list[PlacedTensor], metadata: Mapping[str, str]
) -> PlannedFile:
    # Wide dtypes first, as safetensors writes them: then each stands at a multiple of its size.
    aligned = sorted(tensors, key=lambda placed: -placed.tensor.element_bytes)
    header = header_bytes([(placed.name, placed.tensor) for placed in aligned], metadata)
    return PlannedFile(name, header, tuple(_merged(aligned)))


def _merged(tensors: list[PlacedTensor]) -> list[ByteRange]:
    """Join ranges that follow one another in the source, so that they are copied at once."""
    merged: list[ByteRange] = []
    for part in (part for placed in tensors for part in placed.ranges):
        last = merged[-1] if merged else None
        if last and (last.path, last.offset + last.size_bytes) == (part.path, part.offset):
            merged[-1] = ByteRange(last.path, last.offset, last.size_bytes + part.size_bytes)
        else:
            merged.append(part)
    return merged
