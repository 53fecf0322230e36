"""A small set, in a directory and in S3."""

from pathlib import Path

import pytest

from model_shards.files.meter import Meter
from model_shards.store.location import Location
from model_shards.store.push import push
from tests.model_shards.store.faulty_proxy import FaultyProxy
from tests.model_shards.store.small_set import PART_BYTES, write_set


@pytest.fixture
def shard_set(tmp_path: Path) -> Path:
    write_set(tmp_path / "set")
    return tmp_path / "set"


@pytest.fixture
def pushed(location: Location, shard_set: Path, proxy: FaultyProxy) -> Location:
    """Push the shard set, and return where; nothing has passed the proxy since."""
    push(shard_set, location, Meter(), PART_BYTES)
    proxy.passed.clear()
    return location
