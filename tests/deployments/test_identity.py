"""What makes a rank one that can't continue a router's streams."""

from pathlib import Path
from typing import Any

import pytest

from configs.deployment import Deployment
from deployments.identity import differences, identity
from model_shards.nano import build_nano


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("nano"))


def deployment(checkpoint: Path, **engine: Any) -> Deployment:
    return Deployment.model_validate({"model": {"source": str(checkpoint)}, "engine": engine})


def test_alike_are_deployments_that_differ_in_sizes_alone(checkpoint: Path) -> None:
    here = identity(deployment(checkpoint, dtype="float32", max_num_seqs=8))
    there = identity(deployment(checkpoint, dtype="float32", max_num_seqs=16))
    assert {"small4", "vllm", "weights", "params.json", "tekken.json"} <= here.keys()
    assert differences(here, there) == []


def test_an_engine_argument_is_named_with_both_values(checkpoint: Path) -> None:
    here = identity(deployment(checkpoint, dtype="float32"))
    there = identity(deployment(checkpoint, dtype="bfloat16", quantization="fp8"))
    assert differences(here, there) == [
        'engine.dtype is "bfloat16" there and "float32" here',
        'engine.quantization is "fp8" there and not set here',
    ]


def test_other_weights_are_a_difference(checkpoint: Path, tmp_path: Path) -> None:
    here = identity(deployment(checkpoint))
    there = identity(deployment(build_nano(tmp_path / "other", seed=7)))
    assert [different.split()[0] for different in differences(here, there)] == ["weights"]


def test_a_router_without_weights_takes_ranks_of_any(checkpoint: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("params.json", "tekken.json"):
        (bare / name).write_bytes((checkpoint / name).read_bytes())
    here = identity(deployment(bare))
    assert "weights" not in here
    assert differences(here, identity(deployment(checkpoint))) == []
