"""The figures of `make bench BENCH=scales`; on a GPU its own FP8 products."""

from pathlib import Path

import pytest

from deployments.bench.scales.bench import RANKS, Row, rows
from model_shards.quantized.build import build_quantized
from tests.gpus import needs_fp8


@pytest.fixture(scope="module")
def nano_fp8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_quantized(tmp_path_factory.mktemp("scales") / "nano", "fp8")


def require_plugins_gain(found: list[Row]) -> None:
    assert [(row.scales, row.ranks) for row in found] == [
        (scales, ranks) for scales in ("nano's", "log-normal") for ranks in RANKS
    ]
    assert all(row.with_plugin == 0 for row in found)
    assert all(row.without > 0.01 for row in found)
    assert all(row.without > 0.1 for row in found if row.scales == "log-normal")


def test_ranks_agree_with_the_plugin_alone(nano_fp8: Path) -> None:
    require_plugins_gain([*rows(nano_fp8, "fp8", "cpu")])


@needs_fp8
def test_ranks_agree_on_a_gpu_with_the_plugin_alone(nano_fp8: Path) -> None:
    require_plugins_gain([*rows(nano_fp8, "fp8", "cuda")])
