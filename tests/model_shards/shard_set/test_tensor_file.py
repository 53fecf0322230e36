import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from configs.errors import CheckpointError
from model_shards.files.digest import sha256_of
from model_shards.shard_set.manifest import ShardFile
from model_shards.shard_set.tensor_file import TensorFile

TENSORS = {
    "matrix": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "brain": torch.randn(5, 3).to(torch.bfloat16),
    "eight": torch.randn(7).to(torch.float8_e4m3fn),
    "packed": torch.arange(9, dtype=torch.uint8),
    "flags": torch.tensor([True, False]),
    "scale": torch.tensor(0.5),
    "none": torch.empty(0, 4),
    "large": torch.randn(300_000),  # more than one read
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_file(TENSORS, tmp_path / "weights.safetensors", metadata={"format": "pt"})
    return tmp_path / "weights.safetensors"


def described(path: Path) -> ShardFile:
    return ShardFile(name=path.name, size_bytes=path.stat().st_size, sha256=sha256_of(path))


def loaded(path: Path, file: ShardFile, *, verify: bool = True) -> dict[str, torch.Tensor]:
    return dict(TensorFile(path, file, verify=verify).tensors())


def raw(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.flatten().view(torch.uint8)


@pytest.mark.parametrize("verify", [True, False])
def test_every_tensor_is_the_one_that_was_written(path: Path, verify: bool) -> None:
    tensors = loaded(path, described(path), verify=verify)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert tensors[name].shape == tensor.shape
        assert raw(tensors[name]).equal(raw(tensor))


def test_each_byte_is_read_once(path: Path) -> None:
    file = TensorFile(path, described(path), verify=True)
    before = _read_bytes()
    list(file.tensors())
    assert file.read_bytes == path.stat().st_size
    assert _read_bytes() - before - path.stat().st_size < 4096  # what the counter itself reads


def test_a_flipped_bit_is_found_after_the_last_tensor_unless_nobody_looks(path: Path) -> None:
    file = described(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors has the SHA-256 .*Delete"):
        loaded(path, file)
    assert loaded(path, file, verify=False).keys() == TENSORS.keys()


def test_another_size_is_found_at_once(path: Path) -> None:
    file = described(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=f"short, .* bytes of {file.size_bytes:,}"):
        next(TensorFile(path, file, verify=False).tensors())


def test_a_missing_file_is_named_with_a_remedy(path: Path) -> None:
    file = described(path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is missing.*pull"):
        loaded(path, file)


def header(**entries: object) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"1234", "ended while"),
        ((1 << 60).to_bytes(8, "little"), "longer than the file"),
        ((2).to_bytes(8, "little") + b"no", "header"),
        ((2).to_bytes(8, "little") + b"[]", "header"),
        (header(a=ENTRY | {"dtype": "F3"}) + bytes(8), "F3"),
        (header(a=ENTRY | {"shape": [-2]}) + bytes(8), "header"),
        (header(a=ENTRY | {"shape": [3]}) + bytes(8), "header"),
        (header(a=ENTRY | {"data_offsets": [8, 16]}) + bytes(16), "header"),
        (header(a=ENTRY, b=ENTRY) + bytes(8), "header"),
        (header(a={"dtype": "F32"}) + bytes(8), "header"),
        (header(a=ENTRY) + bytes(9), "end at byte"),
        (header(a=ENTRY) + bytes(7), "end at byte"),
    ],
)
def test_what_is_no_safetensors_file(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"bad\.safetensors can't be loaded.*{complaint}"):
        loaded(path, described(path))


def _read_bytes() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])
