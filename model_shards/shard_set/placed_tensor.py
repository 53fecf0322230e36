"""Decides where a tensor of the source goes: its group, its name, and the order of its bytes."""

import re
from dataclasses import dataclass
from pathlib import Path

from configs.errors import CheckpointError
from model_shards.placement.order import ExpertOrder
from model_shards.shard_set.safetensors_header import Tensor

_EXPERT = re.compile(r"layers\.(\d+)\.experts\.(\d+)\.(.+)")
_GATE = re.compile(r"layers\.(\d+)\.gate\..+")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of bytes in a file of the source."""

    path: Path
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """A tensor as the set has it; it is in the base if its group is None."""

    name: str
    tensor: Tensor
    group: int | None
    ranges: tuple[ByteRange, ...]


def place(tensor: Tensor, order: ExpertOrder, groups: int, experts: int) -> list[PlacedTensor]:
    """Name an expert's tensor after each of its slots, and order a gate's rows as the experts.

    With replicas a gate stays as it is: slots aren't rows.
    """
    ranges: tuple[ByteRange, ...] = (_rows(tensor, 0, tensor.size_bytes),)
    if match := _EXPERT.fullmatch(tensor.name):
        layer, expert, part = int(match[1]), int(match[2]), match[3]
        return [
            PlacedTensor(
                f"layers.{layer}.experts.{slot}.{part}", tensor, slot * groups // len(held), ranges
            )
            for held in (order[layer],)
            for slot in range(len(held))
            if held[slot] == expert
        ]
    match = _GATE.fullmatch(tensor.name)
    if match and len(order[int(match[1])]) == experts:
        ranges = _permuted(tensor, order[int(match[1])])
    return [PlacedTensor(tensor.name, tensor, None, ranges)]


def require_experts(tensors: dict[str, Tensor], layers: int, experts: int) -> None:
    """Raise CheckpointError unless a layer has all of its experts, each of them whole, or none."""
    held_by_layer: dict[int, dict[str, set[int]]] = {}
    for name in tensors:
        if match := _EXPERT.fullmatch(name):
            layer = held_by_layer.setdefault(int(match[1]), {})
            layer.setdefault(match[3], set()).add(int(match[2]))
    if not held_by_layer:
        raise CheckpointError("source: it has no tensor layers.*.experts.*, so nothing to split")
    for number, parts in held_by_layer.items():
        for part, held in parts.items():
            if number >= layers or held != set(range(experts)):
                wrong = sorted(held ^ set(range(experts)))
                raise CheckpointError(
                    f"source: params.json tells of {layers} layers of {experts} experts, and "
                    f"layers.{number}.experts.*.{part} is missing, or too many, for experts "
                    f"{wrong}. Download the checkpoint again"
                )


def _permuted(tensor: Tensor, order: tuple[int, ...]) -> tuple[ByteRange, ...]:
    """Return the rows of a gate's tensor in the order of the experts.

    A tensor without a row for each expert, such as a single scale, stays as it is. Raises
    CheckpointError if that is the gate's weight.
    """
    experts = len(order)
    if tensor.shape[:1] != (experts,):
        if tensor.name.endswith(".weight"):
            raise CheckpointError(
                f"source: {tensor.name} has shape {tensor.shape}, not a row for each of {experts} "
                "experts. It isn't of this params.json: download both again"
            )
        return (_rows(tensor, 0, tensor.size_bytes),)
    row_bytes = tensor.size_bytes // experts
    return tuple(_rows(tensor, expert * row_bytes, row_bytes) for expert in order)


def _rows(tensor: Tensor, start: int, size_bytes: int) -> ByteRange:
    return ByteRange(tensor.path, tensor.offset + start, size_bytes)
