"""S3 that is out of reach while something starts, and a cache whose disk has failed."""

import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from configs.errors import OutOfReachError, StoreError
from model_shards.files.meter import Meter
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.pull import pull
from tests.model_shards.conftest import s3_server
from tests.model_shards.store.faulty_proxy import Fault, FaultyProxy
from tests.model_shards.store.small_set import PART_BYTES

BASE = "base.safetensors"


class Told(logging.Handler):
    """Keeps what a logger says; `enough` is set after so many lines."""

    def __init__(self, logger: str, enough: int = 1) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.enough = threading.Event()
        self._enough = enough
        self._logger = logging.getLogger(logger)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if sum("sleeping for" in line for line in self.lines) >= self._enough:
            self.enough.set()

    def __enter__(self) -> "Told":
        self._level = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)


@pytest.fixture
def told() -> Iterator[Told]:
    with Told("vllm.expert_shards") as told:
        yield told


def _fetched(cache: NodeCache) -> dict[str, bytes]:
    return {file.name: cache.fetch(file).read_bytes() for file in cache.manifest.files}


def _contents(shard_set: Path) -> dict[str, bytes]:
    files = Manifest.load(shard_set).files
    return {file.name: (shard_set / file.name).read_bytes() for file in files}


def _stop(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections be refused."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")


def test_a_node_starts_from_its_cache_while_the_server_is_stopped(
    pushed: Location, shard_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    with s3_server() as (server, port):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        boto3.client("s3").create_bucket(Bucket=pushed.bucket)
        for path in shard_set.iterdir():
            boto3.client("s3").upload_file(str(path), pushed.bucket, pushed.key(path.name))
        assert _fetched(NodeCache(pushed, tmp_path / "cache")) == _contents(shard_set)
        server.kill()
        server.wait()
        cache = NodeCache(pushed, tmp_path / "cache")
        assert _fetched(cache) == _contents(shard_set)
        assert Manifest.load(cache.companions()) == Manifest.load(shard_set)
    assert "Taking the manifest that was there at 2" in told.lines[-1]
    assert "AWS_ENDPOINT_URL" in told.lines[-1]


def test_without_a_cache_an_outage_is_an_error_that_says_so(
    pushed: Location, tmp_path: Path, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    NodeCache(Location(pushed.bucket, pushed.prefix), tmp_path / "cache")
    _stop(proxy, monkeypatch)
    monkeypatch.setattr("model_shards.store.persistence.PATIENCE_S", 0.5)
    with pytest.raises(OutOfReachError, match="Check the network"):
        NodeCache(Location(pushed.bucket, "another"), tmp_path / "cache")
    with pytest.raises(OutOfReachError, match="Check the network"):
        NodeCache(pushed, tmp_path / "elsewhere")
    cache = NodeCache(pushed, tmp_path / "cache")
    with pytest.raises(OutOfReachError, match=rf"{BASE}: .*Check the network"):
        cache.fetch(cache.manifest.base[0])


def test_an_altered_manifest_in_the_cache_is_not_taken(
    pushed: Location, tmp_path: Path, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = NodeCache(pushed, tmp_path / "cache").companions()
    content = (directory / MANIFEST).read_bytes()
    (directory / MANIFEST).write_bytes(content.replace(b"noise", b"nose", 1))
    endpoint = proxy.url
    _stop(proxy, monkeypatch)
    monkeypatch.setattr("model_shards.store.persistence.PATIENCE_S", 0.5)
    with pytest.raises(OutOfReachError):
        NodeCache(pushed, tmp_path / "cache")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    NodeCache(pushed, tmp_path / "cache")
    assert (directory / MANIFEST).read_bytes() == content


def test_a_set_that_was_deleted_is_not_taken_from_the_cache(
    pushed: Location, tmp_path: Path
) -> None:
    NodeCache(pushed, tmp_path / "cache")
    boto3.client("s3").delete_object(Bucket=pushed.bucket, Key=pushed.key(MANIFEST))
    with pytest.raises(StoreError, match="no whole shard set"):
        NodeCache(pushed, tmp_path / "cache")


def test_refused_connections_are_waited_out(
    pushed: Location,
    shard_set: Path,
    tmp_path: Path,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pauses are shortened; `test_persistence.py` tells how long they are together."""
    monkeypatch.setattr("model_shards.store.persistence._LONGEST_PAUSE_S", 0.01)
    upstream_port = proxy.upstream_port
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with Told("botocore.endpoint", enough=30) as botocore, ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(pull, pushed, tmp_path / "copy", Meter(), part_bytes=PART_BYTES)
        assert botocore.enough.wait(60)
        back = FaultyProxy(upstream_port, port=port)
        try:
            pulling.result()
        finally:
            back.close()
    assert Manifest.load(tmp_path / "copy") == Manifest.load(shard_set)


def test_a_flipped_bit_is_fetched_again_once(
    pushed: Location, shard_set: Path, tmp_path: Path, proxy: FaultyProxy, told: Told
) -> None:
    cache = NodeCache(pushed, tmp_path / "cache", part_bytes=PART_BYTES)
    path = cache.fetch(cache.manifest.base[0])
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    proxy.passed.clear()
    assert _fetched(NodeCache(pushed, tmp_path / "cache", part_bytes=PART_BYTES)) == _contents(
        shard_set
    )
    assert len(proxy.of("GET", BASE)) == 21
    assert any(f"{path} is altered: it is fetched again" in line for line in told.lines)
    proxy.passed.clear()
    cache.fetch(cache.manifest.base[0])
    assert not proxy.of("GET", BASE)


def test_a_short_file_is_fetched_again_though_hashes_are_not_compared(
    pushed: Location, shard_set: Path, tmp_path: Path
) -> None:
    cache = NodeCache(pushed, tmp_path / "cache", verify=False)
    path = cache.fetch(cache.manifest.base[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.fetch(cache.manifest.base[0]).read_bytes() == (shard_set / BASE).read_bytes()


def test_a_second_bad_copy_names_the_file_and_what_to_do(
    pushed: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    cache = NodeCache(pushed, tmp_path / "cache", part_bytes=PART_BYTES)
    path = cache.fetch(cache.manifest.base[0])
    path.write_bytes(bytes(path.stat().st_size))
    proxy.faults = [Fault("wrong", BASE, times=1000)]
    with pytest.raises(StoreError, match=rf"{BASE}: fetched twice.*push the set again.*disk of"):
        cache.fetch(cache.manifest.base[0])
    assert not path.exists()
