import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from configs.errors import CheckpointError
from model_shards.placement.order import linear_order
from model_shards.shard_set.plan import Plan
from model_shards.shard_set.source_checkpoint import SourceCheckpoint
from model_shards.tensors import INDEX
from tests.model_shards.shard_set.small_checkpoint import (
    SMALL,
    SmallCheckpoint,
    read_safetensors,
    write_safetensors,
)

FIRST = "consolidated-00001-of-00002.safetensors"
SECOND = "consolidated-00002-of-00002.safetensors"
EXPERT = "layers.1.experts.3.w2.qscale_act"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return SMALL.write(tmp_path / "source")


def _identity(checkpoint: SmallCheckpoint, directory: Path) -> str:
    return SourceCheckpoint.read(checkpoint.write(directory)).identity()


def test_the_identity_is_of_the_tensors_wherever_they_stand(tmp_path: Path) -> None:
    identity = _identity(SMALL, tmp_path / "two")
    assert _identity(replace(SMALL, files=3, index=False), tmp_path / "three") == identity
    assert _identity(replace(SMALL, seed=1), tmp_path / "other") != identity
    assert _identity(replace(SMALL, dtype="U8"), tmp_path / "dtype") != identity


@pytest.mark.parametrize("end", [0, -1])
def test_another_byte_at_the_end_of_a_tensor_is_another_identity(source: Path, end: int) -> None:
    before = SourceCheckpoint.read(source).identity()
    tensors = read_safetensors(source / FIRST)
    name, (dtype, shape, data) = next(iter(tensors.items()))
    altered = bytearray(data)
    altered[end] ^= 1
    write_safetensors(source / FIRST, tensors | {name: (dtype, shape, bytes(altered))})
    assert SourceCheckpoint.read(source).identity() != before


def _cut_off(source: Path) -> None:
    path = source / SECOND
    path.write_bytes(path.read_bytes()[:-1])


def _lost(source: Path) -> None:
    (source / SECOND).unlink()


def _lost_without_index(source: Path) -> None:
    (source / SECOND).unlink()
    (source / INDEX).unlink()


def _none(source: Path) -> None:
    for path in source.glob("*.safetensors*"):
        path.unlink()


def _twice(source: Path) -> None:
    tensors = read_safetensors(source / FIRST)
    write_safetensors(source / SECOND, read_safetensors(source / SECOND) | tensors)


def _moved(source: Path) -> None:
    weight_map = json.loads((source / INDEX).read_text())["weight_map"]
    name = next(iter(weight_map))
    weight_map[name] = FIRST if weight_map[name] == SECOND else SECOND
    (source / INDEX).write_text(json.dumps({"weight_map": weight_map}))


def _torn_index(source: Path) -> None:
    (source / INDEX).write_text('{"weight_map": ')


def _path_in_index(source: Path) -> None:
    (source / INDEX).write_text(json.dumps({"weight_map": {"norm.weight": f"../{FIRST}"}}))


def _overlap(source: Path) -> None:
    raw = (source / FIRST).read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    last = list(header)[-1]
    header[last]["data_offsets"][0] -= 1
    text = json.dumps(header).encode()
    (source / FIRST).write_bytes(len(text).to_bytes(8, "little") + text + raw[start:])


def _expert_lost(source: Path) -> None:
    (source / INDEX).unlink()
    for name in (FIRST, SECOND):
        tensors = read_safetensors(source / name)
        tensors.pop(EXPERT, None)
        write_safetensors(source / name, tensors)


def _experts_of_another(source: Path) -> None:
    parameters = json.loads((source / "params.json").read_text())
    parameters["moe"]["num_experts"] = 16
    (source / "params.json").write_text(json.dumps(parameters))


def _no_parameters(source: Path) -> None:
    (source / "params.json").unlink()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_cut_off, f"{SECOND} isn't a whole safetensors file.*Download it again"),
        (_lost, f"isn't a whole checkpoint.*missing are {SECOND}"),
        (_lost_without_index, "isn't a whole checkpoint.*1 files"),
        (_none, "isn't a whole checkpoint.*0 files"),
        (_twice, f"is in {FIRST} and in {SECOND}"),
        (_moved, "and it isn't"),
        (_torn_index, "isn't an index"),
        (_path_in_index, "aren't beside it"),
        (_overlap, f"{FIRST} isn't a whole safetensors file"),
        (_expert_lost, r"layers.1.experts.\*.w2.qscale_act is missing.*\[3\]"),
        (_experts_of_another, "3 layers of 16 experts.*missing"),
        (_no_parameters, "params.json can't be read"),
    ],
)
def test_a_source_that_is_not_sound_is_refused(
    source: Path, damage: Callable[[Path], None], why: str
) -> None:
    damage(source)
    experts = 16 if damage is _experts_of_another else 8
    with pytest.raises(CheckpointError, match=why):
        Plan.make(source, linear_order(3, experts), 4)
