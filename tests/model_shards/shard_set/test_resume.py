"""A split that is cut short, and how the next split goes on from it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs.errors import CheckpointError, StoreError
from model_shards.files.journal import Journal
from model_shards.files.meter import Meter
from model_shards.nano import TRAINED_NANO
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import MANIFEST, Manifest
from model_shards.shard_set.plan import Plan
from model_shards.shard_set.split import JOURNAL, split, write_set
from model_shards.shard_set.verify import verify
from tests.model_shards.shard_set.small_checkpoint import SMALL

ORDER = linear_order(SMALL.layers, SMALL.experts)
GROUPS = 16
LAST = "experts-015-00001-of-00001.safetensors"


class _Interrupted(Meter):
    """Ends a split after so many bytes, as an interrupt does."""

    def __init__(self, after_bytes: int) -> None:
        super().__init__()
        self._after_bytes = after_bytes

    def moved(self, size_bytes: int) -> None:
        super().moved(size_bytes)
        if self.moved_bytes > self._after_bytes:
            raise KeyboardInterrupt


def test_a_process_that_was_killed_in_mid_copy_is_gone_on_from(out: Path, tmp_path: Path) -> None:
    out.mkdir()
    (out / JOURNAL).touch()
    pipe = out / f".{LAST}.partial"
    os.mkfifo(pipe)  # a disk that takes what a pipe holds, and no more
    with _start(out) as process:
        with pipe.open("rb", buffering=0) as reader:
            assert reader.read(1)  # the last file is begun, so all but eight are finished
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert not (out / MANIFEST).exists()
        assert not (out / LAST).exists()
        with pytest.raises(CheckpointError, match="goes on with an unfinished one"):
            verify(out)
    pipe.unlink()
    finished = {path: path.stat() for path in _noted(out)}
    assert len(finished) >= 4 + 1 + GROUPS - 8
    with _start(out) as process:
        printed, _ = process.communicate()
    assert process.returncode == 0
    spared_bytes = sum(stat.st_size for stat in finished.values())
    assert f" {spared_bytes / 1e6:.1f} MB were there already" in printed
    assert {path: path.stat().st_ino for path in finished} == {
        path: stat.st_ino for path, stat in finished.items()
    }
    whole = tmp_path / "undisturbed"
    assert split(TRAINED_NANO, whole, linear_order(4, 128), GROUPS) == Manifest.load(out)
    assert verify(out) == []
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}


def _start(out: Path) -> subprocess.Popen[str]:
    script = Path(sys.executable).with_name("small4")
    command = [script, "shard", "split", "--source", TRAINED_NANO, "--out", out]
    return subprocess.Popen(
        [*map(str, command), "--expert-parallel", str(GROUPS)], stdout=subprocess.PIPE, text=True
    )


def _noted(out: Path) -> Iterator[Path]:
    for line in (out / JOURNAL).read_text().splitlines()[1:]:
        yield out / line.split('"')[3]


@pytest.mark.parametrize("after_bytes", [0, 1000, 4000, 7000])
def test_wherever_it_is_interrupted_nothing_looks_whole_and_the_next_one_is(
    source: Path, out: Path, after_bytes: int
) -> None:
    plan = Plan.make(source, ORDER, 8, file_bytes=500)
    with pytest.raises(KeyboardInterrupt):
        write_set(plan, out, _Interrupted(after_bytes))
    with pytest.raises(CheckpointError):
        Manifest.load(out)
    spared_bytes = sum(path.stat().st_size for path in _noted(out))
    meter = Meter()
    write_set(plan, out, meter)
    assert verify(out) == []
    assert meter.spared_bytes == spared_bytes
    assert meter.moved_bytes == plan.size_bytes - spared_bytes
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]


def test_a_torn_line_and_a_lost_file_are_written_again(source: Path, out: Path) -> None:
    plan = Plan.make(source, ORDER, 8)
    with pytest.raises(KeyboardInterrupt):
        write_set(plan, out, _Interrupted(plan.size_bytes - 1))
    first, *_ = _noted(out)
    first.unlink()
    with (out / JOURNAL).open("a") as journal:
        journal.write('{"name":"experts-00')
    write_set(plan, out, Meter())
    assert verify(out) == []


@pytest.mark.parametrize("change", ["groups", "order", "source"])
def test_what_another_split_left_is_not_mixed_in(source: Path, out: Path, change: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_set(Plan.make(source, ORDER, 8), out, _Interrupted(4000))
    left = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    order = tuple(layer[::-1] for layer in ORDER) if change == "order" else ORDER
    if change == "source":
        (source / "tekken.json").write_text("[]")
    with pytest.raises(StoreError, match=r"unfinished split of another .*delete that one first"):
        split(source, out, order, 4 if change == "groups" else 8)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == left


def test_two_processes_do_not_write_at_once(source: Path, out: Path) -> None:
    out.mkdir()
    with (
        Journal.held(out / JOURNAL),
        pytest.raises(StoreError, match="another process is splitting into it"),
    ):
        split(source, out, ORDER, 4)
    split(source, out, ORDER, 4)
    assert verify(out) == []
