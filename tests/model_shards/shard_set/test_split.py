import os
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from configs.errors import CheckpointError, StoreError
from model_shards.files.meter import Meter
from model_shards.placement.order import ExpertOrder, linear_order
from model_shards.shard_set import source_checkpoint
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.shard_set.plan import Plan
from model_shards.shard_set.source_checkpoint import SourceCheckpoint
from model_shards.shard_set.split import JOURNAL, split, write_set
from model_shards.shard_set.verify import verify
from tests.model_shards.shard_set.small_checkpoint import (
    SMALL,
    Content,
    SmallCheckpoint,
    read_safetensors,
)

_EXPERT = re.compile(r"layers\.(\d+)\.experts\.(\d+)\.(.+)")


@st.composite
def _cuts(draw: st.DrawFn) -> tuple[SmallCheckpoint, int, ExpertOrder, int]:
    checkpoint = SmallCheckpoint(
        experts=draw(st.integers(1, 12)),
        layers=draw(st.integers(2, 3)),
        dense=draw(st.integers(0, 1)),
        files=draw(st.integers(1, 3)),
        dtype=draw(st.sampled_from(["F8_E4M3", "U8", "BF16"])),
        index=draw(st.booleans()),
        seed=draw(st.integers(0, 99)),
    )
    experts = range(checkpoint.experts)
    groups = draw(st.sampled_from([n for n in range(1, 13) if checkpoint.experts % n == 0]))
    order = tuple(tuple(draw(st.permutations(experts))) for _ in range(checkpoint.layers))
    return checkpoint, groups, order, draw(st.sampled_from([1, 100, 10**9]))


@settings(deadline=None, max_examples=60)
@given(_cuts())
def test_every_tensor_is_found_once_with_its_bytes_at_its_position(
    cut: tuple[SmallCheckpoint, int, ExpertOrder, int],
) -> None:
    checkpoint, groups, order, file_bytes = cut
    with TemporaryDirectory() as directory:
        source, out = checkpoint.write(Path(directory, "source")), Path(directory, "out")
        manifest = write_set(Plan.make(source, order, groups, file_bytes), out, Meter())
        assert Manifest.load(out) == manifest
        assert verify(out) == []
        base = _tensors(out, [file.name for file in manifest.base])
        cuts = [_tensors(out, [file.name for file in group]) for group in manifest.groups]
        names = {path.name for path in out.iterdir()}
        assert names == {MANIFEST, *(file.name for file in manifest.files)}
    expected = [_expected(checkpoint, order, groups, group) for group in (None, *range(groups))]
    assert [base, *cuts] == expected


def _expected(
    checkpoint: SmallCheckpoint, order: ExpertOrder, groups: int, group: int | None
) -> dict[str, Content]:
    expected = {}
    for name, (dtype, shape, data) in checkpoint.tensors().items():
        match = _EXPERT.fullmatch(name)
        if match:
            layer, expert = int(match[1]), int(match[2])
            position = order[layer].index(expert)
            if position // (checkpoint.experts // groups) == group:
                expected[f"layers.{layer}.experts.{position}.{match[3]}"] = dtype, shape, data
        elif group is None and ".gate." in name:
            row = len(data) // checkpoint.experts
            rows = [data[row * e : row * (e + 1)] for e in order[int(name.split(".")[1])]]
            expected[name] = dtype, shape, b"".join(rows)
        elif group is None:
            expected[name] = dtype, shape, data
    return expected


def _tensors(out: Path, names: list[str]) -> dict[str, Content]:
    tensors: dict[str, Content] = {}
    for name in names:
        with safe_open(out / name, framework="pt") as file:
            assert file.metadata()["format"] == "pt"
            for tensor in file.keys():  # noqa: SIM118 - not a mapping
                file.get_tensor(tensor)  # torch refuses bytes that aren't aligned
        of_file = read_safetensors(out / name)
        assert not of_file.keys() & tensors.keys()
        tensors |= of_file
    return tensors


def _linear(checkpoint: SmallCheckpoint) -> ExpertOrder:
    return linear_order(checkpoint.layers, checkpoint.experts)


def test_companions_come_along_but_not_what_is_hidden_or_weights(source: Path, out: Path) -> None:
    for name in ("chat_template.jinja", "generation_config.json"):
        (source / name).write_text(name)
    for name in ("model-00001-of-00001.safetensors", "model.safetensors.index.json", "old.bin"):
        (source / name).write_text("weights in another format")
    manifest = split(source, out, _linear(SMALL), 4)
    names = [file.name for file in manifest.companions]
    assert names == ["chat_template.jinja", "generation_config.json", "params.json", "tekken.json"]
    assert all((out / name).read_bytes() == (source / name).read_bytes() for name in names)


def test_a_set_that_is_whole_is_left_as_it_is(source: Path, out: Path) -> None:
    split(source, out, _linear(SMALL), 4)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    meter = Meter()
    manifest = split(source.rename(source.parent / "renamed"), out, _linear(SMALL), 4, meter)
    assert manifest == Manifest.load(out)
    assert meter.moved_bytes == 0
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def _other_weights(source: Path) -> None:
    path = next(source.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _other_companion(source: Path) -> None:
    (source / "tekken.json").write_text("[]")


@pytest.mark.parametrize("change", [_other_weights, _other_companion])
def test_a_set_of_another_source_is_not_overwritten(
    source: Path, out: Path, change: Callable[[Path], None]
) -> None:
    split(source, out, _linear(SMALL), 4)
    before = Manifest.load(out)
    change(source)
    with pytest.raises(StoreError, match="holds another shard set"):
        split(source, out, _linear(SMALL), 4)
    assert Manifest.load(out) == before
    assert verify(out) == []


@pytest.mark.parametrize("groups", [2, 8])
def test_a_set_cut_otherwise_is_not_overwritten(source: Path, out: Path, groups: int) -> None:
    split(source, out, _linear(SMALL), 4)
    with pytest.raises(StoreError, match="holds another shard set"):
        split(source, out, _linear(SMALL), groups)
    reverse = tuple(layer[::-1] for layer in _linear(SMALL))
    with pytest.raises(StoreError, match="holds another shard set"):
        split(source, out, reverse, 4)
    assert verify(out) == []


def test_what_a_set_has_lost_is_written_again_and_nothing_else(source: Path, out: Path) -> None:
    split(source, out, _linear(SMALL), 4)
    names = "tekken.json", "base-00001-of-00001.safetensors"
    lost_bytes = sum((out / name).stat().st_size for name in names)
    (out / names[0]).unlink()
    (out / names[1]).write_bytes(b"short")
    meter = Meter()
    split(source, out, _linear(SMALL), 4, meter)
    assert meter.moved_bytes == lost_bytes
    assert verify(out) == []
    assert not (out / JOURNAL).exists()


def test_what_is_lost_is_not_made_of_another_source(
    source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of large tensors only the ends tell one source from another."""
    monkeypatch.setattr(source_checkpoint, "_SAMPLE_BYTES", 1)
    split(source, out, _linear(SMALL), 4)
    for path in out.glob("*.safetensors"):
        path.unlink()
    tensors = SourceCheckpoint.read(source).tensors.values()
    largest = max(tensors, key=lambda tensor: tensor.size_bytes)
    content = bytearray(largest.path.read_bytes())
    content[largest.offset + largest.size_bytes // 2] ^= 1
    largest.path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"isn't what .* was split from"):
        split(source, out, _linear(SMALL), 4)


def test_a_source_that_changes_meanwhile_makes_no_set(source: Path, out: Path) -> None:
    path = next(source.glob("*.safetensors"))

    class Changing(Meter):
        def moved(self, size_bytes: int) -> None:
            super().moved(size_bytes)
            os.utime(path)

    with pytest.raises(CheckpointError, match="changed while it was split"):
        split(source, out, _linear(SMALL), 4, Changing())
    assert not (out / MANIFEST).exists()


def test_a_directory_with_something_else_is_refused(source: Path, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match="isn't empty"):
        split(source, out, _linear(SMALL), 4)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]
    with pytest.raises(StoreError, match="the source itself"):
        split(source, source / ".." / "source", _linear(SMALL), 4)
    with pytest.raises(StoreError, match="can't be used"):
        split(source, out / "thesis.tex", _linear(SMALL), 4)


@pytest.mark.parametrize("name", ["manifest.json", "chat template.jinja", "ä\n"])
def test_a_companion_that_can_not_be_is_named_before_anything_is_written(
    source: Path, out: Path, name: str
) -> None:
    (source / name).write_text("")
    with pytest.raises(CheckpointError, match=f"{re.escape(repr(name))} .*Rename or remove"):
        split(source, out, _linear(SMALL), 4)
    assert not out.exists()


@pytest.mark.parametrize(("groups", "order", "why"), [
    (3, _linear(SMALL), "one of 1, 2, 4, 8;"),
    (0, _linear(SMALL), "one of 1, 2, 4, 8;"),
    (16, _linear(SMALL), "one of 1, 2, 4, 8;"),
    (4, linear_order(2, 8), "8 experts in each of 3 layers"),
    (4, linear_order(3, 7), "8 experts in each of 3 layers"),
    (4, ((0,) * 8,) * 3, "8 experts in each of 3 layers"),
])  # fmt: skip
def test_a_cut_that_can_not_be_is_explained(
    source: Path, out: Path, groups: int, order: ExpertOrder, why: str
) -> None:
    with pytest.raises(CheckpointError, match=why):
        split(source, out, order, groups)
    assert not out.exists()


def test_too_little_room_is_told_before_anything_is_written(source: Path, out: Path) -> None:
    with (source / "notes.txt").open("w") as file:
        file.truncate(15 * 10**12)  # a hole, which takes no room
    with pytest.raises(StoreError, match=r"15000\.0 GB to write, .* GB free\. Make room"):
        split(source, out, _linear(SMALL), 4)
    assert [path.name for path in out.iterdir()] == [JOURNAL]


def test_where_routing_is_limited_to_groups_another_order_is_refused(
    source: Path, out: Path
) -> None:
    """A group is of neighbours, so an order that mixes them would change what is computed."""
    path = source / "params.json"
    grouped = path.read_text().replace('"num_expert_groups":1', '"num_expert_groups":2')
    assert grouped != path.read_text()
    path.write_text(grouped)
    linear = linear_order(SMALL.layers, SMALL.experts)
    mixed = (*linear[1:], linear[0][::-1])
    with pytest.raises(CheckpointError, match=r"num_expert_groups: 2 .*--placement linear"):
        split(source, out, mixed, 2)
    assert split(source, out, linear, 2).placement == "linear"


def test_a_replica_is_another_slot_with_the_same_bytes(tmp_path: Path) -> None:
    """Gates keep the source's order: with replicas a slot isn't a row."""
    checkpoint = SmallCheckpoint(experts=48)
    source, out = checkpoint.write(tmp_path / "source"), tmp_path / "out"
    order = tuple(
        (*range(24), 30 + layer, *range(24, 48), layer) for layer in range(checkpoint.layers)
    )
    manifest = split(source, out, order, 2)
    assert (manifest.slots, manifest.replicas, manifest.num_experts) == (50, 2, 48)
    assert verify(out) == []
    given, found = checkpoint.tensors(), _tensors(out, [file.name for file in manifest.base])
    assert all(given[name] == content for name, content in found.items())
    for number, group in enumerate(manifest.groups):
        of_group = _tensors(out, [file.name for file in group])
        found |= of_group
        for name, content in of_group.items():
            layer, slot, part = _EXPERT.fullmatch(name).groups()  # type: ignore[union-attr]
            assert int(slot) // 25 == number
            assert given[f"layers.{layer}.experts.{order[int(layer)][int(slot)]}.{part}"] == content
    replicas = 2 * (checkpoint.layers - checkpoint.dense) * 6  # tensors of an expert
    assert len(found) == len(given) + replicas


def test_replicas_of_more_than_5_percent_are_refused_with_how_many_fit(tmp_path: Path) -> None:
    source = SmallCheckpoint(experts=48).write(tmp_path / "source")
    order = ((*range(24), *range(30, 34), *range(24, 48), *range(4)),) * SMALL.layers
    with pytest.raises(CheckpointError, match=r"replicas: 4 in each group add .*% .* 1 fit"):
        Plan.make(source, order, 2)
