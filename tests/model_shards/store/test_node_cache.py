import signal
from pathlib import Path

import boto3
import pytest

from configs.errors import StoreError
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.push import push
from tests.model_shards.store.faulty_proxy import FaultyProxy
from tests.model_shards.store.processes import FETCH_ALL, start
from tests.model_shards.store.small_set import PART_BYTES, write_set


def test_four_processes_fetch_each_file_once(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    root = tmp_path / "cache"
    processes = [start(FETCH_ALL, pushed, root) for _ in range(4)]
    printed = [process.communicate()[0].splitlines() for process in processes]
    files = Manifest.load(shard_set).files
    assert [process.returncode for process in processes] == [0] * 4
    for paths in printed:
        assert [Path(path).read_bytes() for path in paths] == [
            (shard_set / file.name).read_bytes() for file in files
        ]
    ranges = [passed for passed in proxy.of("GET") if not passed.name.endswith(MANIFEST)]
    assert len(ranges) == len({(passed.name, passed.range) for passed in ranges})
    assert sum(passed.sent_bytes for passed in ranges) == sum(file.size_bytes for file in files)


def test_who_is_killed_leaves_nothing_that_looks_whole_and_the_next_goes_on(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    root = tmp_path / "cache"
    proxy.hold_suffix, proxy.hold_after = "base.safetensors", 12
    with start(FETCH_ALL, pushed, root) as first:
        assert proxy.held.wait(60)
        with start(FETCH_ALL, pushed, root) as second:  # waits for the first's lock
            first.send_signal(signal.SIGKILL)
            first.wait()
            assert not list(root.glob("*/base.safetensors"))
            proxy.hold_after = None
            proxy.release.set()
            paths = second.communicate()[0].splitlines()
    for path in map(Path, paths):
        assert path.read_bytes() == (shard_set / path.name).read_bytes()
    assert len(paths) == len(Manifest.load(shard_set).files)
    assert len(proxy.of("GET", "base.safetensors")) <= 21 + 9  # of the first's, nine at most lost


def test_routers_get_companions_only(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    directory = NodeCache(pushed, tmp_path / "cache").companions()
    assert {path.name for path in directory.iterdir() if ".lease" not in path.name} == {
        MANIFEST,
        ".urls",
        "params.json",
        "tekken.json",
        "empty",
    }
    assert Manifest.load(directory) == Manifest.load(shard_set)
    assert not proxy.of("GET", ".safetensors")


def test_another_set_at_the_location_is_never_mixed_with_the_old_one(
    pushed: Location, tmp_path: Path
) -> None:
    old = NodeCache(pushed, tmp_path / "cache").companions()
    s3 = boto3.client("s3")
    for listed in s3.list_objects_v2(Bucket=pushed.bucket)["Contents"]:
        s3.delete_object(Bucket=pushed.bucket, Key=listed["Key"])
    write_set(tmp_path / "other", seed=1)
    push(tmp_path / "other", pushed, Meter(), PART_BYTES)
    new = NodeCache(pushed, tmp_path / "cache").companions()
    assert new != old
    for name in ("params.json", MANIFEST):
        assert (new / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_cache_that_can_not_be_is_named(pushed: Location, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="not a place for a cache"):
        NodeCache(pushed, tmp_path / "file" / "cache")
