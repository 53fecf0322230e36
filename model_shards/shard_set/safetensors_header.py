"""The header of a safetensors file: what its tensors are, and where their bytes are.

https://github.com/huggingface/safetensors#format: eight bytes of length, JSON, then the tensors,
back to back.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from configs.errors import CheckpointError

LENGTH_BYTES = 8
_ALIGNMENT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in a file; `offset` counts from the file's first byte."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    offset: int
    size_bytes: int

    @property
    def element_bytes(self) -> float:
        """Bytes of one element, which may be half a byte; 0 for a tensor without elements."""
        elements = math.prod(self.shape)
        return self.size_bytes / elements if elements else 0


def read_header(path: Path) -> tuple[dict[str, str], list[Tensor]]:
    """Read metadata and tensors of a file. Raises CheckpointError if it is cut off or unsound.

    Lengths, gaps, overlaps and dtypes are checked by the safetensors library itself.
    """
    try:
        with safe_open(path, framework="np"):
            pass
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            return parse_header(file.read(length), path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"source: {path} isn't a whole safetensors file: {error}. Download it again"
        ) from error


def parse_header(header: bytes, path: Path) -> tuple[dict[str, str], list[Tensor]]:
    """Read metadata and tensors from the JSON of a header, unchecked.

    Raises ValueError, KeyError, TypeError or AttributeError if it isn't a header.
    """
    described = json.loads(header)
    metadata = described.pop("__metadata__", {})
    start = LENGTH_BYTES + len(header)
    return metadata, [
        Tensor(
            name=name,
            dtype=entry["dtype"],
            shape=tuple(entry["shape"]),
            path=path,
            offset=start + entry["data_offsets"][0],
            size_bytes=entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in described.items()
    ]


def header_bytes(tensors: Iterable[tuple[str, Tensor]], metadata: Mapping[str, str]) -> bytes:
    """Return the header of a file with these tensors in this order, under the names beside them."""
    entries: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, tensor in tensors:
        end = at + tensor.size_bytes
        entries[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": (at, end)}
        at = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text
