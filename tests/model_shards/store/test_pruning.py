"""What leaves a node's cache, and what stays."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from configs.errors import StoreError
from configs.weights import CacheLimits
from deployments.cli.shard import app
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.store.cached_set import CachedSet
from model_shards.store.lease import locked
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.pruning import Usage, doomed, prune
from tests.model_shards.store.faulty_proxy import FaultyProxy
from tests.model_shards.store.processes import FETCH_ALL, HOLD, start

DAY_S = 86_400
GB = 10**9


def _usage(name: str, days: float, in_use: bool = False, incoming_gb: float = 0) -> Usage:
    held = CachedSet(Path(name))
    return Usage(held, 120 * GB, -days * DAY_S, in_use, int(incoming_gb * GB))


VERSIONS = [
    _usage("4th", 20),
    _usage("1st", 40),
    _usage("2nd", 35, in_use=True),
    _usage("3rd", 31),
    _usage("5th", 0, in_use=True, incoming_gb=100),
]


@pytest.mark.parametrize(
    ("limits", "free_gb", "going"),
    [
        ({"unused_days": None}, 200, []),
        ({}, 200, ["1st", "3rd"]),
        ({"unused_days": 0}, 200, ["1st", "3rd", "4th"]),
        ({"unused_days": None, "gigabytes": 700}, 200, []),
        ({"unused_days": None, "gigabytes": 600}, 200, ["1st"]),
        ({"unused_days": None, "gigabytes": 1}, 200, ["1st", "3rd", "4th"]),
        ({"unused_days": None}, 99, ["1st"]),
        ({"unused_days": 100}, 0, ["1st"]),
    ],
)
def test_the_oldest_go_by_age_by_size_and_for_want_of_room(
    limits: dict[str, float | None], free_gb: float, going: list[str]
) -> None:
    found = doomed(VERSIONS, CacheLimits(**limits), int(free_gb * GB), now_s=0)
    assert [usage.held.directory.name for usage in found] == going


def _prune(root: Path, **limits: float) -> list[Usage]:
    with locked(root):
        return prune(root, CacheLimits(**limits))


def test_what_a_living_process_uses_stays(pushed: Location, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with start(HOLD, pushed, root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        (held,) = CachedSet.all(root)
        os.utime(held.used_path, (0, 0))
        assert _prune(root, unused_days=0) == []
        assert held.used_s > 0  # it was used until now, not since it was opened
        process.kill()
    assert [usage.held for usage in _prune(root, unused_days=0)] == [held]
    assert not held.directory.exists()


def _grow(pushed: Location, shard_set: Path, size_bytes: int) -> None:
    """Let the manifest say that each group has this size."""
    manifest = Manifest.load(shard_set)
    groups = tuple(
        (group[0].model_copy(update={"size_bytes": size_bytes}),) for group in manifest.groups
    )
    content = manifest.model_copy(update={"groups": groups}).model_dump_json().encode()
    boto3.client("s3").put_object(Bucket=pushed.bucket, Key=pushed.key(MANIFEST), Body=content)


def test_room_is_for_what_all_processes_of_a_node_will_fetch(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    _grow(pushed, shard_set, shutil.disk_usage(tmp_path).free * 6 // 10)
    root = tmp_path / "cache"
    with start(HOLD, pushed, root) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        cache = NodeCache(pushed, root)
        cache.require(cache.manifest.groups[0])  # the same, which is fetched once
        with pytest.raises(StoreError, match=r"ranks of this machine will fetch .* Make room"):
            cache.require(cache.manifest.groups[1])
        other.kill()
    assert not proxy.of("GET", ".safetensors")


def test_a_set_makes_room_for_the_next_one_before_its_first_byte(
    pushed: Location, shard_set: Path, tmp_path: Path
) -> None:
    root = tmp_path / "cache"
    start(FETCH_ALL, pushed, root).communicate()
    (old,) = CachedSet.all(root)
    os.utime(old.used_path, (0, 0))
    _grow(pushed, shard_set, 1000)
    new = NodeCache(pushed, root)
    new.require(new.manifest.companions)
    assert not old.directory.exists()


def test_files_of_a_draft_head_count(pushed: Location, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    start(FETCH_ALL, pushed, root).communicate()
    (held,) = CachedSet.all(root)
    before = Usage.of(held).size_bytes
    (held.directory / "draft").mkdir()
    (held.directory / "draft" / "weights").write_bytes(bytes(1 << 20))
    assert Usage.of(held).size_bytes >= before + (1 << 20)


def test_the_cache_is_listed_and_pruned_by_hand(pushed: Location, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    start(FETCH_ALL, pushed, root).communicate()
    cache = ["--cache", str(root)]
    (held,) = CachedSet.all(root)
    listed = CliRunner().invoke(app, ["cache", "list", *cache], env={"COLUMNS": "200"}).stdout
    assert held.directory.name[:12] in listed
    assert str(pushed) in listed
    assert "0 sets deleted" in CliRunner().invoke(app, ["cache", "prune", *cache]).stdout
    went = CliRunner().invoke(app, ["cache", "prune", *cache, "--unused-days", "0"]).stdout
    assert f"{held.directory.name[:12]}: 0.00 GB deleted" in went
    assert not held.directory.exists()


@pytest.fixture
def another_users() -> Iterator[Path]:
    """Yield a cache that this process may read and not write."""
    directory = Path(tempfile.mkdtemp())
    cache = directory / "cache"
    with locked(cache):
        pass
    root = os.geteuid() == 0
    for path in (cache, cache / ".lock") if not root else ():
        path.chmod(0o555)
    directory.chmod(0o755)
    if root:
        os.seteuid(65534)
    yield cache
    if root:
        os.seteuid(0)
    cache.chmod(0o755)
    shutil.rmtree(directory)


def test_the_cache_of_another_user_is_named_with_a_remedy(
    location: Location, another_users: Path
) -> None:
    with pytest.raises(StoreError, match=r"weights.cache: .*\.lock can't be .*by user .*one user"):
        NodeCache(location, another_users)
