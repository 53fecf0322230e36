import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from configs.errors import BenchError
from deployments.bench.shards.bench import downloads, run
from deployments.bench.shards.loading import Loader
from deployments.bench.shards.synthetic import architecture, plan
from model_shards.shard_set.manifest import Manifest, ShardFile, Source


def test_a_small_run_measures_all_in_turns_and_leaves_the_checkpoint_alone(disk: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "deployments.bench.shards", "--no-check"),
            *("--gigabytes", "0.01", "--rounds", "2", "--directory", str(disk / "bench")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for what in ("speed ÷ cp's", "that rank 0 of 4 keeps", *Loader):
        assert what in done.stdout
    assert torch.cuda.is_available() or f"{Loader.INSTANT} isn't measured" in done.stdout
    tensors = [tensor for file in plan(architecture(10**7)) for tensor in file.tensors]
    largest_mb = max(tensor.size_bytes for tensor in tensors) / 1e6
    unwrapped = " ".join(done.stdout.split())  # captions are as wide as their tables
    assert f"the largest tensor: {largest_mb:.1f} MB" in unwrapped
    assert re.findall(r"round \d: (cp|split)", done.stdout) == ["cp", "split", "split", "cp"]
    assert "wasn't cold" not in done.stdout
    loaders = re.findall(r"round \d: (?:cold|warm), (.+) \d", done.stdout)
    measured = [each for each in Loader if f"{each} isn't measured" not in done.stdout]
    assert sorted(loaders) == sorted(4 * measured)
    assert loaders[0] != loaders[2 * len(measured)]
    (left,) = (disk / "bench").iterdir()
    assert left.name.startswith("noise-")


def test_a_disk_that_is_too_small_is_found_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"needs \d{7}.* GB.*lower --gigabytes"):
        run(tmp_path, 10**16, 1, print, loads=True)
    assert not list(tmp_path.iterdir())


def test_what_a_node_would_fetch_is_the_base_and_a_quarter_of_the_experts() -> None:
    def file(name: str, size_bytes: int) -> ShardFile:
        return ShardFile(name=name, size_bytes=size_bytes, sha256="0" * 64)

    manifest = Manifest(
        source=Source(name="noise", identity="0" * 64),
        placement="linear",
        num_experts=8,
        expert_order=(tuple(range(8)),),
        companions=(file("params.json", 10**12),),
        base=(file("base", 10**9),),
        groups=tuple((file(f"experts-{group}", 2 * 10**9),) for group in range(8)),
    )
    assert "would fetch 5.00 GB, 29% of all" in downloads(manifest)
