from pathlib import Path

import pytest

from tests.model_shards.shard_set.small_checkpoint import SMALL


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return SMALL.write(tmp_path / "source")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
