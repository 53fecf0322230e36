"""Reads a safetensors file of a shard set once, from its first byte to its last.

The safetensors library maps files into memory, which reads them page by page as they are used.
Sequential reads keep a disk, and above all a network's disk, at its full speed, and let the hash be
computed on the way.
"""

import hashlib
import math
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import torch

from configs.errors import CheckpointError
from model_shards.files.disk import size_fault
from model_shards.shard_set.manifest import ShardFile
from model_shards.shard_set.safetensors_header import LENGTH_BYTES, Tensor, parse_header

Named = tuple[str, torch.Tensor]

_CHUNK_BYTES = 1 << 20  # still in the core's cache when it is hashed
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def require_size(path: Path, file: ShardFile) -> None:
    """Raise CheckpointError unless the file is there, and as long as its manifest says."""
    if what := size_fault(path, file.size_bytes):
        raise _unlike(path, f"is {what}")


class TensorFile:
    """One file of a set; `read_bytes` counts how much of it the kernel has handed over."""

    def __init__(self, path: Path, file: ShardFile, *, verify: bool) -> None:
        self._path = path
        self._file = file
        self._hash = hashlib.sha256() if verify else None
        self.read_bytes = 0

    def tensors(self) -> Iterator[Named]:
        """Yield names and tensors in the file's order, on the CPU.

        Raises CheckpointError, at once for another size than the manifest's or a broken header, and
        after the last tensor for another SHA-256.
        """
        require_size(self._path, self._file)
        with FileIO(self._path) as stream:
            length = int.from_bytes(self._read(stream, LENGTH_BYTES).numpy().tobytes(), "little")
            if length > self._file.size_bytes - LENGTH_BYTES:
                raise self._broken("its header is longer than the file")
            header = self._read(stream, length).numpy().tobytes()
            for tensor in self._in_order(header):
                content = self._read(stream, tensor.size_bytes)
                yield tensor.name, content.view(_DTYPES[tensor.dtype]).view(tensor.shape)
        if self._hash is not None and self._hash.hexdigest() != self._file.sha256:
            sha256 = self._hash.hexdigest()
            raise _unlike(
                self._path, f"has the SHA-256 {sha256}, in the manifest {self._file.sha256}"
            )

    def _read(self, stream: FileIO, size_bytes: int) -> torch.Tensor:
        """Return the next bytes, in memory of their own: the caller may keep them."""
        tensor = torch.empty(size_bytes, dtype=torch.uint8, device="cpu")
        left = tensor.numpy().data
        while left:
            count = stream.readinto(left[:_CHUNK_BYTES])
            if not count:
                raise self._broken("it ended while it was read")
            if self._hash is not None:
                self._hash.update(left[:count])
            self.read_bytes += count
            left = left[count:]
        return tensor

    def _in_order(self, header: bytes) -> list[Tensor]:
        """Return the header's tensors in the file's order.

        Raises CheckpointError unless they follow one another to the file's end.
        """
        end = LENGTH_BYTES + len(header)
        try:
            _, tensors = parse_header(header, self._path)
            tensors.sort(key=lambda tensor: (tensor.offset, tensor.size_bytes))
            for tensor in tensors:
                size_bytes = math.prod(tensor.shape) * _DTYPES[tensor.dtype].itemsize
                if tensor.offset != end or tensor.size_bytes != size_bytes:
                    raise ValueError(f"{tensor.name} isn't where the tensor before it ends")
                end += size_bytes
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._broken(f"its header is none of safetensors' ({error!r})") from error
        if end != self._file.size_bytes:
            raise self._broken(f"its tensors end at byte {end} of {self._file.size_bytes}")
        return tensors

    def _broken(self, why: str) -> CheckpointError:
        return _unlike(self._path, f"can't be loaded: {why}")


def _unlike(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"weights: {path} {why}. Delete this file, if it is there, and split or pull the set "
        "again: either makes only what is missing."
    )
