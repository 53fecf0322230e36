import json
from pathlib import Path

from deployments.bench.shards.cutting import cut
from tests.model_shards.shard_set.small_checkpoint import SmallCheckpoint

TENSOR_BYTES = 32 << 20
TENSORS = 8


def test_a_split_holds_no_file_and_not_even_a_tensor(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for source in (small, large):
        SmallCheckpoint(files=1, index=False).write(source)
    _add_large_tensors(large)
    small_bytes, large_bytes = (
        cut(source, tmp_path / "out").peak_bytes for source in (small, large)
    )
    assert large_bytes - small_bytes < TENSOR_BYTES


def _add_large_tensors(directory: Path) -> None:
    """Add a file that is a hole except for its header."""
    (first,) = directory.glob("*.safetensors")
    first.rename(directory / "consolidated-1.safetensors")
    header = json.dumps(
        {
            f"large.{number}": {
                "dtype": "U8",
                "shape": [TENSOR_BYTES],
                "data_offsets": [number * TENSOR_BYTES, (number + 1) * TENSOR_BYTES],
            }
            for number in range(TENSORS)
        }
    ).encode()
    with (directory / "consolidated-2.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + TENSORS * TENSOR_BYTES)
