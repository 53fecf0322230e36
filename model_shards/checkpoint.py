"""Writes a checkpoint as Mistral does: numbered `consolidated-*.safetensors` and an index."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file

from model_shards.tensors import INDEX


def write_tensors(
    out: Path, tensors: Iterable[tuple[str, torch.Tensor]], file_bytes: int
) -> list[Path]:
    """Write tensors in order to files of about `file_bytes` each, then the index.

    The index comes last, so a directory that holds an index is whole. Returns the paths of the
    files of tensors.
    """
    files = _grouped(tensors, file_bytes)
    weight_map: dict[str, str] = {}
    total_bytes = 0
    paths = []
    for number, group in enumerate(files, start=1):
        path = out / f"consolidated-{number:05d}-of-{len(files):05d}.safetensors"
        save_file(group, path, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(group, path.name)
        total_bytes += sum(tensor.nbytes for tensor in group.values())
        paths.append(path)
    index = {"metadata": {"total_size": total_bytes}, "weight_map": weight_map}
    (out / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return paths


def _grouped(
    tensors: Iterable[tuple[str, torch.Tensor]], file_bytes: int
) -> list[dict[str, torch.Tensor]]:
    groups: list[dict[str, torch.Tensor]] = [{}]
    held_bytes = 0
    for name, tensor in tensors:
        if groups[-1] and held_bytes + tensor.nbytes > file_bytes:
            groups.append({})
            held_bytes = 0
        groups[-1][name] = tensor
        held_bytes += tensor.nbytes
    return groups
