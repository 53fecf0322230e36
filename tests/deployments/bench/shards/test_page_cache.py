import os
from pathlib import Path

import pytest

from deployments.bench.shards.page_cache import drop, warm

SIZE_BYTES = 9 << 20  # more than two reads


@pytest.fixture
def file(disk: Path) -> Path:
    """Write a file, so that it isn't on the disk yet."""
    path = disk / "file"
    path.write_bytes(os.urandom(SIZE_BYTES))
    return path


def cached(file: Path, offset: int) -> bool:
    """Tell whether a byte can be read without the disk."""
    with file.open("rb") as opened:
        try:
            return bool(os.preadv(opened.fileno(), [bytearray(1)], offset, os.RWF_NOWAIT))
        except BlockingIOError:
            return False


@pytest.mark.parametrize("offset", [0, SIZE_BYTES // 2, SIZE_BYTES - 1])
def test_what_is_dropped_is_read_from_the_disk_and_what_is_warm_is_not(
    file: Path, offset: int
) -> None:
    assert cached(file, offset)
    drop([file])
    assert not cached(file, offset)
    warm([file])
    assert cached(file, offset)
