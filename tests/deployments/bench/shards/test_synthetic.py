import json
from pathlib import Path

import pytest
from safetensors import safe_open

from configs.errors import BenchError
from deployments.bench.shards.synthetic import architecture, ensure, plan
from model_shards.architecture import Architecture
from model_shards.placement.order import linear_order
from model_shards.shard_set.plan import Plan

SMALL = architecture(8_000_000)


@pytest.mark.parametrize("size_bytes", [8_000_000, 4_000_000_000, 116_000_000_000])
def test_experts_have_the_size_that_was_asked_for(size_bytes: int) -> None:
    tensors = [tensor for file in plan(architecture(size_bytes)) for tensor in file.tensors]
    experts_bytes = sum(tensor.size_bytes for tensor in tensors if ".experts." in tensor.name)
    assert size_bytes <= experts_bytes
    if size_bytes > 1e9:
        assert experts_bytes < 1.1 * size_bytes
        assert experts_bytes > 0.9 * sum(tensor.size_bytes for tensor in tensors)


def test_split_finds_a_whole_checkpoint_in_it(tmp_path: Path) -> None:
    paths = ensure(tmp_path / "noise", SMALL)
    assert Architecture.load(tmp_path / "noise") == SMALL
    index = json.loads((tmp_path / "noise" / "consolidated.safetensors.index.json").read_text())
    for path in paths:
        with safe_open(path, framework="pt") as file:
            assert {index["weight_map"][name] for name in file.keys()} == {path.name}  # noqa: SIM118
            for name in file.keys():  # noqa: SIM118
                if name.endswith("experts.0.w1.weight"):
                    assert file.get_slice(name).get_dtype() == "F8_E4M3"
    cut = Plan.make(tmp_path / "noise", linear_order(SMALL.n_layers, SMALL.moe.num_experts), 8)
    assert len({sum(file.size_bytes for file in group) // 10_000 for group in cut.groups}) == 1


def test_it_is_made_once_and_alike_each_time(tmp_path: Path) -> None:
    first = ensure(tmp_path / "a", SMALL)
    times = [path.stat().st_mtime_ns for path in first]
    assert [path.stat().st_mtime_ns for path in ensure(tmp_path / "a", SMALL)] == times
    again = ensure(tmp_path / "b", SMALL)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in first]


def test_another_checkpoint_in_its_place_is_named(tmp_path: Path) -> None:
    ensure(tmp_path / "noise", SMALL)
    with pytest.raises(BenchError, match=r"noise: holds another checkpoint\. Delete it"):
        ensure(tmp_path / "noise", architecture(20_000_000))
