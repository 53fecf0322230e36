import gc
import signal
from pathlib import Path

import boto3
import pytest

from configs.errors import CheckpointError, StoreError
from model_shards.files.meter import Meter
from model_shards.loading.open_set import DirectorySet
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.shard_set.verify import verify
from model_shards.store.location import Location
from model_shards.store.pull import BEGUN, pull
from model_shards.store.push import push
from model_shards.store.ranks import Ranks
from tests.model_shards.store.faulty_proxy import Fault, FaultyProxy
from tests.model_shards.store.processes import PULL, start
from tests.model_shards.store.small_set import BASE_BYTES, PART_BYTES, write_set

_BASE = "base.safetensors"


def _contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_set_comes_back_as_it_was(pushed: Location, shard_set: Path, tmp_path: Path) -> None:
    pull(pushed, tmp_path / "copy", Meter(), part_bytes=PART_BYTES)
    assert _contents(tmp_path / "copy") == _contents(shard_set)


def test_only_what_the_ranks_read_is_fetched(
    pushed: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    files = pull(pushed, tmp_path / "copy", Meter(), Ranks((1,), 2), PART_BYTES)
    manifest = Manifest.load(tmp_path / "copy")
    expected = (*manifest.companions, *manifest.base, *manifest.groups[2], *manifest.groups[3])
    assert set(files) == set(expected)
    assert set(_contents(tmp_path / "copy")) == {
        MANIFEST,
        ".groups",
        *(file.name for file in expected),
    }
    fetched_bytes = sum(passed.sent_bytes for passed in proxy.of("GET"))
    manifest_bytes = (tmp_path / "copy" / MANIFEST).stat().st_size
    assert fetched_bytes == sum(file.size_bytes for file in expected) + manifest_bytes


def test_what_ranks_were_pulled_is_known_and_a_later_pull_adds_to_it(
    pushed: Location, shard_set: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    pull(pushed, copy, Meter(), Ranks((0,)))
    manifest = Manifest.load(copy)
    part = DirectorySet(copy)
    part.require(manifest.weights_of([0], 4))
    with pytest.raises(CheckpointError, match=r"what ranks 0 of 4 read only, .* rank 1 .*--ranks"):
        part.require(manifest.weights_of([0], 2))
    with pytest.raises(StoreError, match="holds what ranks 0 of 4 read only"):
        push(copy, pushed, Meter())
    assert verify(copy) == []
    pull(pushed, copy, Meter(), Ranks((3,)))
    assert Holding.load(copy, manifest).groups == {0, 3}
    (copy / "experts-3.safetensors").unlink()
    assert [fault.name for fault in verify(copy)] == ["experts-3.safetensors"]
    pull(pushed, copy, Meter())
    pull(pushed, copy, Meter(), Ranks((3,)))
    assert _contents(copy) == _contents(shard_set)


def test_a_broken_mark_is_named(pushed: Location, tmp_path: Path) -> None:
    pull(pushed, tmp_path / "copy", Meter(), Ranks((0,)))
    (tmp_path / "copy" / ".groups").write_text("{")
    with pytest.raises(CheckpointError, match=r"copy/\.groups doesn't say"):
        verify(tmp_path / "copy")


def test_a_killed_pull_goes_on_where_it_was(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    copy = tmp_path / "copy"
    proxy.hold_suffix, proxy.hold_after = _BASE, 12
    with start(PULL, pushed, copy) as process:
        assert proxy.held.wait(60)  # with eight parts at once, four are written by now
        process.send_signal(signal.SIGKILL)
    assert not (copy / MANIFEST).exists()
    assert not (copy / _BASE).exists()
    noted = (copy / f".{_BASE}.parts").read_text(encoding="ascii").splitlines()[1:]
    assert len(noted) >= 4
    proxy.hold_after = None
    proxy.release.set()
    proxy.passed.clear()
    meter = Meter()
    pull(pushed, copy, meter, part_bytes=PART_BYTES)
    starts = {passed.range for passed in proxy.of("GET", _BASE)}
    assert len(starts) == 21 - len(noted)
    assert sum(passed.sent_bytes for passed in proxy.of("GET", _BASE)) <= (
        BASE_BYTES - (len(noted) - 1) * PART_BYTES
    )
    assert meter.spared_bytes >= (len(noted) - 1) * PART_BYTES
    assert _contents(copy) == _contents(shard_set)


@pytest.mark.parametrize("kind", ["reset", "short", "busy"])
def test_what_breaks_off_is_asked_for_again(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy, kind: str
) -> None:
    proxy.faults = [
        Fault(kind, _BASE, times=3),  # type: ignore[arg-type]
        Fault(kind, MANIFEST),  # type: ignore[arg-type]
    ]
    meter = Meter()
    pull(pushed, tmp_path / "copy", meter, part_bytes=PART_BYTES)
    assert _contents(tmp_path / "copy") == _contents(shard_set)
    assert len(proxy.of("GET", _BASE)) == 21 + 3


def test_what_never_stops_breaking_off_is_an_error(
    pushed: Location, tmp_path: Path, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_shards.store.persistence.PATIENCE_S", 0.5)
    proxy.faults = [Fault("short", "params.json", times=1000)]
    with pytest.raises(StoreError, match=r"noise/params.json: .*goes on where it was"):
        pull(pushed, tmp_path / "copy", Meter())
    assert not (tmp_path / "copy" / MANIFEST).exists()


def test_bytes_that_were_wrong_once_are_fetched_again(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    proxy.faults = [Fault("wrong", "experts-2.safetensors")]
    pull(pushed, tmp_path / "copy", Meter(), part_bytes=PART_BYTES)
    assert len(proxy.of("GET", "experts-2.safetensors")) == 2 * 3
    assert _contents(tmp_path / "copy") == _contents(shard_set)


def test_a_corrupt_object_is_named_and_refused(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    name = "experts-2.safetensors"
    content = (shard_set / name).read_bytes()
    boto3.client("s3").put_object(
        Bucket=pushed.bucket, Key=pushed.key(name), Body=content[:-1] + b"?"
    )
    with pytest.raises(StoreError, match=rf"{pushed.url(name)}: fetched twice.*push the set again"):
        pull(pushed, tmp_path / "copy", Meter(), part_bytes=PART_BYTES)
    assert len(proxy.of("GET", name)) == 2 * 3
    assert not (tmp_path / "copy" / name).exists()
    assert not (tmp_path / "copy" / MANIFEST).exists()

    boto3.client("s3").delete_object(Bucket=pushed.bucket, Key=pushed.key(name))
    push(shard_set, pushed, Meter(), PART_BYTES)  # as the message says
    pull(pushed, tmp_path / "copy", Meter(), part_bytes=PART_BYTES)
    assert _contents(tmp_path / "copy") == _contents(shard_set)


@pytest.mark.parametrize("length", [100, 3000])
def test_an_object_of_another_size_is_refused(
    pushed: Location, tmp_path: Path, length: int
) -> None:
    boto3.client("s3").put_object(
        Bucket=pushed.bucket, Key=pushed.key("tekken.json"), Body=b"?" * length
    )
    with pytest.raises(StoreError, match=r"tekken.json: .*push the set again"):
        pull(pushed, tmp_path / "copy", Meter())
    gc.collect()  # a connection that is left open would be an error here


def test_an_object_that_is_gone_is_named(pushed: Location, tmp_path: Path) -> None:
    boto3.client("s3").delete_object(Bucket=pushed.bucket, Key=pushed.key(_BASE))
    with pytest.raises(StoreError, match=rf"{pushed.url(_BASE)}: there is no such object"):
        pull(pushed, tmp_path / "copy", Meter())


def test_a_copy_that_was_altered_is_mended(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    copy = tmp_path / "copy"
    pull(pushed, copy, Meter(), part_bytes=PART_BYTES)
    (copy / "tekken.json").write_bytes(b"altered")
    proxy.passed.clear()
    pull(pushed, copy, Meter(), part_bytes=PART_BYTES)
    assert _contents(copy) == _contents(shard_set)
    names = {passed.name.rpartition("/")[2] for passed in proxy.of("GET")}
    assert names == {MANIFEST, "tekken.json"}


def test_another_set_is_not_mixed_in(pushed: Location, tmp_path: Path) -> None:
    write_set(tmp_path / "other", seed=1)
    with pytest.raises(StoreError, match="holds another shard set"):
        pull(pushed, tmp_path / "other", Meter())


def test_what_else_is_in_a_directory_is_not_lost(
    pushed: Location, shard_set: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "models" / "params.json"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(StoreError, match="holds no shard set"):
        pull(pushed, mine.parent, Meter())
    assert mine.read_text() == "mine"


def test_an_unfinished_pull_of_another_set_is_not_gone_on_with(
    pushed: Location, shard_set: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / BEGUN).write_bytes((shard_set / MANIFEST).read_bytes())
    (copy / "params.json").write_bytes((shard_set / "params.json").read_bytes())
    pull(pushed, copy, Meter(), part_bytes=PART_BYTES)
    assert _contents(copy) == _contents(shard_set)
    (copy / MANIFEST).unlink()
    (copy / BEGUN).write_text("{}")
    with pytest.raises(StoreError, match="or a part of one"):
        pull(pushed, copy, Meter())


def test_too_small_a_disk_is_noticed_before_anything_is_fetched(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy
) -> None:
    manifest = Manifest.load(shard_set)
    huge = manifest.base[0].model_copy(update={"size_bytes": 10**18})
    content = manifest.model_copy(update={"base": (huge,)}).model_dump_json()
    boto3.client("s3").put_object(
        Bucket=pushed.bucket, Key=pushed.key(MANIFEST), Body=content.encode()
    )
    with pytest.raises(StoreError, match=r"1000000000.0 GB to write, .* GB free. Make room"):
        pull(pushed, tmp_path / "copy", Meter())
    assert len(proxy.of("GET")) == 1  # the manifest


def test_a_prefix_without_a_manifest_is_no_set(location: Location, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"{location}: no manifest.json, so no whole shard set"):
        pull(location, tmp_path / "copy", Meter())
    assert not (tmp_path / "copy").exists()


def test_a_missing_bucket_is_named(location: Location, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/x/manifest.json: .*no such bucket"):
        pull(Location("no-such-bucket", "x"), tmp_path / "copy", Meter())


def test_missing_credentials_are_named(
    pushed: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match=r"no credentials. Set AWS_ACCESS_KEY_ID"):
        pull(pushed, tmp_path / "copy", Meter())


def test_a_server_that_is_not_there_is_named(
    tmp_path: Path, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("model_shards.store.persistence.PATIENCE_S", 0.5)
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL"):
        pull(Location("a-bucket", "x"), tmp_path / "copy", Meter())
