"""A checkpoint of any size in the real one's layout: FP8 experts with their scales, of noise."""

import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.errors import BenchError
from model_shards.architecture import Architecture
from model_shards.nano import NANO, TRAINED_NANO
from model_shards.shard_set.safetensors_header import Tensor, header_bytes
from model_shards.tensors import INDEX, tensor_shapes

_FILES = 8
_CHUNK_BYTES = 16 << 20
_EXPERT_MATRICES = 3
_ELEMENT_BYTES = {"F8_E4M3": 1, "BF16": 2, "F32": 4}
_QUANTIZED = re.compile(r"layers\.\d+\.(attention\.w\w+|(shared_)?experts\..+)\.weight")


def architecture(size_bytes: int) -> Architecture:
    """Return nano's architecture, widened until its experts have `size_bytes`, or a bit more.

    It keeps nano's layers and their 128 experts. The model is twice as wide as an expert, as the
    real one is.
    """
    matrices = NANO.n_layers * NANO.moe.num_experts * _EXPERT_MATRICES
    expert = 32 * math.ceil(math.sqrt(size_bytes / matrices / 2) / 32)
    dim = 2 * expert
    heads = max(1, dim // NANO.head_dim)
    return NANO.model_copy(
        update={
            "dim": dim,
            "n_heads": heads,
            "n_kv_heads": heads,
            "q_lora_rank": dim // 4,
            "moe": NANO.moe.model_copy(update={"expert_hidden_dim": expert}),
            "quantization": {"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"},
        }
    )


@dataclass(frozen=True, slots=True)
class SyntheticFile:
    """A numbered weight file, with its tensors in their order in the file."""

    name: str
    tensors: tuple[Tensor, ...]

    @property
    def header(self) -> bytes:
        named = ((tensor.name, tensor) for tensor in self.tensors)
        return header_bytes(named, {"format": "pt"})

    @property
    def size_bytes(self) -> int:
        return len(self.header) + sum(tensor.size_bytes for tensor in self.tensors)


def plan(model: Architecture) -> tuple[SyntheticFile, ...]:
    """Put the tensors into eight files, in the order of a forward pass.

    The files are about as large; within a file, tensors are in safetensors' order.
    """
    tensors = list(_tensors(model))
    file_bytes = math.ceil(sum(tensor.size_bytes for tensor in tensors) / _FILES)
    parts: list[list[Tensor]] = [[] for _ in range(_FILES)]
    at = 0
    for tensor in tensors:
        parts[at // file_bytes].append(tensor)
        at += tensor.size_bytes
    return tuple(
        SyntheticFile(
            f"consolidated-{number:05d}-of-{_FILES:05d}.safetensors",
            tuple(sorted(part, key=lambda tensor: (-tensor.element_bytes, tensor.name))),
        )
        for number, part in enumerate(parts, start=1)
    )


def ensure(directory: Path, model: Architecture, seed: int = 0) -> list[Path]:
    """Return the paths of the weight files, and write them unless they are there.

    The same seed gives the same bytes. Raises BenchError if another checkpoint is there.
    """
    files = plan(model)
    paths = [directory / file.name for file in files]
    if directory.exists():
        sizes = [path.stat().st_size if path.exists() else 0 for path in paths]
        if sizes != [file.size_bytes for file in files]:
            raise BenchError(f"{directory}: holds another checkpoint. Delete it.")
        return paths
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "params.json").write_text(model.model_dump_json(indent=2) + "\n", "utf-8")
    shutil.copy(TRAINED_NANO / "tekken.json", partial)
    for number, file in enumerate(files):
        _write(partial / file.name, file, np.random.default_rng((seed, number)))
    weight_map = {tensor.name: file.name for file in files for tensor in file.tensors}
    (partial / INDEX).write_text(json.dumps({"weight_map": weight_map}), "utf-8")
    partial.rename(directory)
    return paths


def _tensors(model: Architecture) -> Iterator[Tensor]:
    for name, shape in tensor_shapes(model):
        if not _QUANTIZED.fullmatch(name):
            yield _tensor(name, "BF16", shape)
            continue
        yield _tensor(name, "F8_E4M3", shape)
        for scale in ("qscale_weight", "qscale_act"):
            yield _tensor(f"{name.removesuffix('.weight')}.{scale}", "F32", ())


def _tensor(name: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(name, dtype, shape, Path(), 0, math.prod(shape) * _ELEMENT_BYTES[dtype])


def _write(path: Path, file: SyntheticFile, noise: np.random.Generator) -> None:
    header = file.header
    left = file.size_bytes - len(header)
    with path.open("wb") as target:
        target.write(header)
        while left:
            left -= target.write(noise.bytes(min(left, _CHUNK_BYTES)))
