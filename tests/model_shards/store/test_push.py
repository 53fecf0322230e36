import signal
from pathlib import Path

import boto3
import pytest

from configs.errors import CheckpointError, StoreError
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.store.location import Location
from model_shards.store.push import push
from tests.model_shards.store.faulty_proxy import Fault, FaultyProxy
from tests.model_shards.store.processes import PUSH, start
from tests.model_shards.store.small_set import PART_BYTES, write_set

LARGE_PART_BYTES = 5 << 20


def _names(location: Location) -> set[str]:
    answer = boto3.client("s3").list_objects_v2(Bucket=location.bucket)
    return {listed["Key"].removeprefix(location.key("")) for listed in answer.get("Contents", ())}


def test_what_is_there_is_not_sent_again(pushed: Location, shard_set: Path) -> None:
    meter = Meter()
    manifest = push(shard_set, pushed, meter, PART_BYTES)
    assert _names(pushed) == {MANIFEST, *(file.name for file in manifest.files)}
    assert meter.moved_bytes == 0
    assert meter.spared_bytes == sum(file.size_bytes for file in manifest.files)


def test_a_file_that_was_lost_is_sent_again(pushed: Location, shard_set: Path) -> None:
    boto3.client("s3").delete_object(Bucket=pushed.bucket, Key=pushed.key("params.json"))
    meter = Meter()
    push(shard_set, pushed, meter, PART_BYTES)
    assert meter.moved_bytes == (shard_set / "params.json").stat().st_size
    assert "params.json" in _names(pushed)


@pytest.fixture
def large_set(tmp_path: Path) -> Path:
    """Write a set whose base is sent in four parts: boto3 makes none smaller than these."""
    write_set(tmp_path / "large", base_bytes=3 * LARGE_PART_BYTES + 7)
    return tmp_path / "large"


def test_a_killed_push_goes_on_with_the_files_that_are_missing(
    location: Location, large_set: Path, proxy: FaultyProxy
) -> None:
    proxy.hold_method, proxy.hold_suffix, proxy.hold_after = "PUT", "base.safetensors", 2
    with start(PUSH, location, large_set) as process:
        assert proxy.held.wait(60)
        process.send_signal(signal.SIGKILL)
    assert {"params.json"} <= _names(location)
    assert not {MANIFEST, "base.safetensors"} & _names(location)
    proxy.hold_after = None
    proxy.release.set()
    sent_before = _names(location)
    meter = Meter()
    push(large_set, location, meter, LARGE_PART_BYTES)
    assert meter.spared_bytes >= sum((large_set / name).stat().st_size for name in sent_before)
    client = boto3.client("s3")
    base = {"Bucket": location.bucket, "Key": location.key("base.safetensors")}
    assert client.get_object(**base)["Body"].read() == (large_set / "base.safetensors").read_bytes()
    assert "Uploads" not in client.list_multipart_uploads(Bucket=location.bucket)


@pytest.mark.parametrize("name", ["params.json", "base.safetensors", "experts-3.safetensors"])
def test_an_altered_file_is_refused(location: Location, large_set: Path, name: str) -> None:
    path = large_set / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match=f"{name}: its SHA-256 is .*it wasn't sent"):
        push(large_set, location, Meter(), LARGE_PART_BYTES)
    assert not {name, MANIFEST} & _names(location)
    uploads = boto3.client("s3").list_multipart_uploads(Bucket=location.bucket)
    assert not [upload for upload in uploads.get("Uploads", ()) if upload["Key"].endswith(name)]


def test_a_shorter_or_missing_file_is_refused_before_anything_is_sent(
    location: Location, shard_set: Path
) -> None:
    (shard_set / "tekken.json").write_bytes(b"short")
    with pytest.raises(StoreError, match=r"tekken.json: short, 5 bytes of 2,000"):
        push(shard_set, location, Meter())
    (shard_set / "tekken.json").unlink()
    with pytest.raises(StoreError, match=r"tekken.json: missing"):
        push(shard_set, location, Meter())
    assert not _names(location)


def test_another_set_is_not_overwritten(pushed: Location, tmp_path: Path) -> None:
    write_set(tmp_path / "other", seed=1)
    with pytest.raises(StoreError, match="another shard set is there"):
        push(tmp_path / "other", pushed, Meter())


def test_a_directory_without_a_manifest_is_refused(location: Location, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"manifest.json can't be read"):
        push(tmp_path, location, Meter())


@pytest.mark.parametrize("kind", ["busy", "reset"])
def test_a_part_that_failed_is_sent_again(
    location: Location, large_set: Path, proxy: FaultyProxy, kind: str
) -> None:
    proxy.faults = [Fault(kind, "base.safetensors", "PUT", times=2)]  # type: ignore[arg-type]
    push(large_set, location, Meter(), LARGE_PART_BYTES)
    assert len(proxy.of("PUT", "base.safetensors")) == 4 + 2
    head = boto3.client("s3").head_object(
        Bucket=location.bucket, Key=location.key("base.safetensors")
    )
    base = Manifest.load(large_set).base[0]
    assert head["Metadata"] == {"sha256": base.sha256}
