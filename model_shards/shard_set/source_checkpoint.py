"""The checkpoint that is cut, in Mistral's own format.

Only headers and, for its identity, the ends of tensors are read from its weight files.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from configs.errors import CheckpointError
from model_shards.shard_set.safetensors_header import Tensor, read_header
from model_shards.tensors import INDEX

_SAMPLE_BYTES = 4096
_NUMBERED = re.compile(r"-\d+-of-(\d+)\.safetensors$")
_WEIGHTS = (".safetensors", ".index.json", ".bin", ".gguf", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class SourceCheckpoint:
    """A directory's contents: weight files, their tensors by name, and the files beside them."""

    directory: Path
    weights: tuple[Path, ...]
    companions: tuple[Path, ...]
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read a checkpoint. Raises CheckpointError if it isn't whole, or names a tensor twice."""
        weights = _weight_files(directory)
        tensors: dict[str, Tensor] = {}
        metadata: list[dict[str, str]] = []
        for path in weights:
            file_metadata, file_tensors = read_header(path)
            metadata.append(file_metadata)
            for tensor in file_tensors:
                if (other := tensors.setdefault(tensor.name, tensor)) is not tensor:
                    raise CheckpointError(
                        f"source: {tensor.name} is in {other.path.name} and in {path.name}. "
                        "Remove the file that is of another checkpoint"
                    )
        _require_indexed(directory, tensors)
        return cls(directory, weights, _companions(directory), tensors, _agreed(metadata))

    def identity(self) -> str:
        """Return the SHA-256 of names, dtypes, shapes, and the first and last 4 KiB of each tensor.

        Training changes the ends of some tensor, so it changes the identity; moving a tensor to
        another file doesn't. A digest of every byte would cost as much again as the SHA-256 of the
        files that are written.
        """
        digest = hashlib.sha256()
        files = {path: path.open("rb", buffering=0) for path in self.weights}
        try:
            for name, tensor in sorted(self.tensors.items()):
                digest.update(json.dumps([name, tensor.dtype, tensor.shape]).encode())
                file, length = files[tensor.path], min(_SAMPLE_BYTES, tensor.size_bytes)
                for start in (0, tensor.size_bytes - length):
                    digest.update(os.pread(file.fileno(), length, tensor.offset + start))
        finally:
            for file in files.values():
                file.close()
        return digest.hexdigest()


def _weight_files(directory: Path) -> tuple[Path, ...]:
    """Return the weight files that vLLM would choose: those of the index if there is one.

    Raises CheckpointError if there are none, or if some are missing.
    """
    names = set(_index(directory).values()) or {
        path.name for path in directory.glob("consolidated*.safetensors")
    }
    numbered = {int(match[1]) for name in names if (match := _NUMBERED.search(name))}
    lost = sorted(name for name in names if not (directory / name).is_file())
    if not names or lost or numbered - {len(names)}:
        found = f"{len(names) - len(lost)} files consolidated*.safetensors are there"
        raise CheckpointError(
            f"source: {directory} isn't a whole checkpoint in Mistral format: {found}"
            f"{', missing are ' if lost else ''}{', '.join(lost)}. Download it again, or correct "
            "the path"
        )
    return tuple(directory / name for name in sorted(names))


def _index(directory: Path) -> dict[str, str]:
    """Return the index, file by tensor; it is empty if the checkpoint has none.

    Raises CheckpointError if the index can't be read, or names files that aren't beside it.
    """
    path = directory / INDEX
    if not path.exists():
        return {}
    try:
        files: dict[str, str] = dict(json.loads(path.read_bytes())["weight_map"])
        if any(Path(file).name != file for file in files.values()):
            raise ValueError("it names files that aren't beside it")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"source: {path} isn't an index: {error!r}. Download it again"
        ) from error
    return files


def _require_indexed(directory: Path, tensors: dict[str, Tensor]) -> None:
    for name, file in _index(directory).items():
        if name not in tensors or tensors[name].path.name != file:
            raise CheckpointError(
                f"source: {directory / INDEX} says that {name} is in {file}, and it isn't. "
                "Download both again"
            )


def _companions(directory: Path) -> tuple[Path, ...]:
    """Return tokenizer, parameters, templates: all that is neither hidden nor weights."""
    return tuple(
        path
        for path in sorted(directory.iterdir())
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(_WEIGHTS)
    )


def _agreed(metadata: list[dict[str, str]]) -> dict[str, str]:
    """Return the metadata that no two files contradict, because a tensor may change its file."""

    def values(key: str) -> Iterator[str]:
        return (of_file[key] for of_file in metadata if key in of_file)

    keys = sorted({key for of_file in metadata for key in of_file})
    return {key: next(values(key)) for key in keys if len(set(values(key))) == 1}
