import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.errors import BenchError
from deployments.bench.shards.cutting import GROUPS, copy_s, cut
from deployments.bench.shards.synthetic import architecture, ensure
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.verify import verify

SMALL = architecture(8_000_000)
BLOCK_BYTES = 512


@pytest.fixture(scope="module")
def source(disk: Path) -> Path:
    ensure(disk / "noise", SMALL)
    return disk / "noise"


@pytest.mark.parametrize("measured", [copy_s, cut])
def test_both_read_the_source_from_the_disk(
    source: Path, disk: Path, measured: Callable[[Path, Path], object]
) -> None:
    out = disk / measured.__name__
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured(source, out)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    size_bytes = sum(path.stat().st_size for path in source.glob("*.safetensors"))
    assert (after.ru_inblock - before.ru_inblock) * BLOCK_BYTES >= size_bytes
    assert (after.ru_oublock - before.ru_oublock) * BLOCK_BYTES >= size_bytes


def test_a_split_takes_the_place_of_the_last_one_and_a_copy_is_gone(
    source: Path, disk: Path
) -> None:
    for _ in range(2):
        done = cut(source, disk / "set")
        assert done.took_s > 0
        assert 10**7 < done.peak_bytes < 5 * 10**8  # as much as an interpreter with numpy
    assert len(Manifest.load(disk / "set").groups) == GROUPS
    assert verify(disk / "set") == []
    assert copy_s(source, disk / "copy") > 0
    assert not (disk / "copy").exists()


def test_a_split_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match=r"(?s)empty failed: .*params\.json can't be read"):
        cut(tmp_path / "empty", tmp_path / "set")
