"""A set in a directory and a set in S3 give the same tensors, and no other file is touched."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from configs.errors import CheckpointError, StoreError
from model_shards.files.digest import sha256_of
from model_shards.files.meter import Meter
from model_shards.loading.open_set import OpenSet, open_set
from model_shards.loading.weight_stream import WeightStream
from model_shards.shard_set.manifest import MANIFEST, Manifest, ShardFile, Source
from model_shards.store.location import Location
from model_shards.store.push import push
from tests.model_shards.store.faulty_proxy import FaultyProxy

EXPERTS = 4
RANKS = 2


@pytest.fixture
def shard_set(tmp_path: Path) -> Path:
    """Write a set: two files of the base, and a group for each of four experts."""
    directory = tmp_path / "set"
    directory.mkdir()

    def written(name: str, tensors: dict[str, torch.Tensor]) -> ShardFile:
        save_file(tensors, directory / name)
        return described(directory / name)

    (directory / "params.json").write_text("{}")
    manifest = Manifest(
        source=Source(name="noise", identity="0" * 64),
        placement="linear",
        num_experts=EXPERTS,
        expert_order=(tuple(range(EXPERTS)),),
        companions=(described(directory / "params.json"),),
        base=tuple(
            written(f"base-{part}.safetensors", {f"base.{part}": torch.randn(50_000)})
            for part in range(2)
        ),
        groups=tuple(
            (written(f"experts-{group}.safetensors", expert(group)),) for group in range(EXPERTS)
        ),
    )
    (directory / MANIFEST).write_text(manifest.model_dump_json())
    return directory


@pytest.fixture
def in_s3(shard_set: Path, location: Location) -> Location:
    push(shard_set, location, Meter())
    return location


def described(path: Path) -> ShardFile:
    return ShardFile(name=path.name, size_bytes=path.stat().st_size, sha256=sha256_of(path))


def expert(position: int) -> dict[str, torch.Tensor]:
    return {f"experts.{position}.{part}": torch.randn(3_000) for part in range(9)}


def files_of(opened: OpenSet, rank: int) -> tuple[ShardFile, ...]:
    return opened.manifest.weights_of([rank], RANKS)


def names_of(opened: OpenSet, files: Sequence[ShardFile]) -> set[str]:
    return {name for name, _ in WeightStream(opened, files, verify=True).tensors()}


def names(positions: Sequence[int]) -> set[str]:
    own = {f"experts.{position}.{part}" for position in positions for part in range(9)}
    return own | {"base.0", "base.1"}


@pytest.mark.parametrize("rank", range(RANKS))
def test_a_rank_needs_no_file_of_another(shard_set: Path, tmp_path: Path, rank: int) -> None:
    whole = open_set(str(shard_set), tmp_path)
    files = files_of(whole, rank)
    for file in {*whole.manifest.files} - {*files}:
        (shard_set / file.name).unlink()
    opened = open_set(str(shard_set), tmp_path)
    opened.require(files)
    stream = WeightStream(opened, files, verify=True)
    assert {name for name, _ in stream.tensors()} == names([2 * rank, 2 * rank + 1])
    assert stream.read_bytes == sum(file.size_bytes for file in files)


def test_a_rank_fetches_no_file_of_another(
    in_s3: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    opened = open_set(str(in_s3), tmp_path / "cache")
    proxy.passed.clear()
    files = files_of(opened, 1)
    assert names_of(opened, files) == names([2, 3])
    assert {Path(passed.name).name for passed in proxy.of("GET")} == {file.name for file in files}


def test_what_a_rank_has_fetched_the_next_one_reads(
    in_s3: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    for rank in range(RANKS):
        opened = open_set(str(in_s3), tmp_path / "cache")
        names_of(opened, files_of(opened, rank))
    fetched = [Path(passed.name).name for passed in proxy.of("GET", ".safetensors")]
    assert sorted(fetched) == sorted({*fetched})


def test_what_was_spoilt_in_the_cache_is_fetched_again(in_s3: Location, tmp_path: Path) -> None:
    opened = open_set(str(in_s3), tmp_path / "cache")
    files = files_of(opened, 0)
    path = opened.fetch(files[0])
    content = path.read_bytes()
    path.write_bytes(bytes(files[0].size_bytes))
    assert names_of(opened, files) == names([0, 1])
    assert path.read_bytes() == content


def test_a_missing_file_is_found_before_any_is_read(shard_set: Path, tmp_path: Path) -> None:
    opened = open_set(str(shard_set), tmp_path)
    files = files_of(opened, 0)
    (shard_set / files[-1].name).unlink()
    with pytest.raises(CheckpointError, match=f"{files[-1].name} is missing"):
        opened.require(files)


def test_who_stops_listening_leaves_no_thread_behind(shard_set: Path, tmp_path: Path) -> None:
    opened = open_set(str(shard_set), tmp_path)
    tensors = WeightStream(opened, opened.manifest.weights_of([0], 1), verify=True).tensors()
    next(tensors)
    tensors.close()  # type: ignore[attr-defined]  # a generator; it waits for its threads


@pytest.mark.parametrize(
    ("source", "error"),
    [("s3://no-prefix", StoreError), ("s3:///models", StoreError), ("/nowhere", CheckpointError)],
)
def test_where_no_set_can_be(source: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        open_set(source, tmp_path)


def test_a_copy_of_a_directory_is_a_set_too(shard_set: Path, tmp_path: Path) -> None:
    shutil.copytree(shard_set, tmp_path / "copy")
    opened = open_set(str(tmp_path / "copy"), tmp_path)
    assert opened.companions() == tmp_path / "copy"
