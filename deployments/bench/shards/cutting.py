"""`split` and `cp`, each from a cold page cache until the last byte is on disk."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from configs.errors import BenchError
from deployments.bench.shards.page_cache import drop
from model_shards.architecture import Architecture
from model_shards.files.durable import sync_directory
from model_shards.placement.order import linear_order
from model_shards.shard_set.split import split

GROUPS = 8


@dataclass(frozen=True, slots=True)
class Cut:
    """A split's time, and the peak memory of its process, interpreter included."""

    took_s: float
    peak_bytes: int


def cut(source: Path, out: Path) -> Cut:
    """Split in a process of its own; SHA-256 of every byte and fsyncs are included.

    Raises BenchError if the split fails.
    """
    _prepare(source, out)
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", __name__, str(source), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the split of {source} failed: {done.stderr}")
    took_s, peak_bytes = done.stdout.split()
    return Cut(float(took_s), int(peak_bytes))


def copy_s(source: Path, out: Path) -> float:
    """Return the seconds for `cp` of the same files and the fsync that a split does too.

    The copy is removed.
    """
    _prepare(source, out)
    started_s = time.perf_counter()
    # Where a file system can share blocks, cp would copy nothing.
    subprocess.run(  # noqa: S603 - our own words
        ["/bin/cp", "-r", "--reflink=never", str(source), str(out)], check=True
    )
    for path in out.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_directory(out)
    took_s = time.perf_counter() - started_s
    shutil.rmtree(out)
    return took_s


def _prepare(source: Path, out: Path) -> None:
    """Prepare both alike: nothing at `out`, nothing left to write, no page of the source cached."""
    shutil.rmtree(out, ignore_errors=True)
    os.sync()
    drop(path for path in source.iterdir() if path.is_file())


def _split(source: Path, out: Path) -> None:
    model = Architecture.load(source)
    started_s = time.perf_counter()
    split(source, out, linear_order(model.n_layers, model.moe.num_experts), GROUPS)
    print(time.perf_counter() - started_s, _peak_bytes())


def _peak_bytes() -> int:
    """Return this program's peak memory.

    ru_maxrss won't do: it is never less than that of the program that started this one.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmHWM"].removesuffix("kB")) << 10


if __name__ == "__main__":
    _split(Path(sys.argv[1]), Path(sys.argv[2]))
