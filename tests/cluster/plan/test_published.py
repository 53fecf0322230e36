"""What is published of Mistral Small 4 on GPUs: where it fits, and where it doesn't.

vLLM's recipe states two H200s or B200s for FP8, with 143 GB of memory needed, and one B200 for
NVFP4; Mistral four H100s. The arguments are the recipe's.
"""

from typing import Any

import pytest

from cluster.plan.planner import plan
from configs.errors import FitError
from tests.cluster.plan.manifests import RECIPE, SMALL_4, gpus, manifest_of


@pytest.mark.parametrize(
    ("kind", "number", "precision"),
    [("H100", 4, "fp8"), ("H200", 2, "fp8"), ("B200", 2, "fp8"), ("B200", 1, "nvfp4")],
)
@pytest.mark.parametrize("split", [None, "all"])
def test_it_fits(kind: str, number: int, precision: str, split: str | None) -> None:
    """It fits as gangs of single GPUs, and split by tensor parallelism as in the recipe."""
    serving: dict[str, Any] = RECIPE | {"precision": precision}
    if split:
        serving["tensor_parallel_size"] = number
    planned = plan(manifest_of(gpus(kind, number), **serving), SMALL_4)
    assert planned.layout.ranks * planned.layout.tensor_parallel == number
    assert planned.room[0].tokens == 262_144
    assert planned.room[0].of_rank >= 1


@pytest.mark.parametrize(
    ("kind", "number", "precision"),
    [
        ("H200", 1, "fp8"),
        ("H100", 1, "nvfp4"),
        ("H100", 2, "fp8"),
        ("L40S", 2, "fp8"),
        ("H200", 2, "bf16"),
        ("H100", 4, "bf16"),
    ],
)
def test_it_does_not_fit(kind: str, number: int, precision: str) -> None:
    with pytest.raises(FitError, match=f"each {kind} is .* GB short"):
        plan(manifest_of(gpus(kind, number), **RECIPE, precision=precision), SMALL_4)


def test_tensor_parallelism_repeats_the_cache() -> None:
    """Two GPUs of one rank hold hardly more tokens than one of two ranks, which has its own."""
    ranks = plan(manifest_of(gpus("H200", 2), **RECIPE), SMALL_4)
    split = plan(manifest_of(gpus("H200", 2), **RECIPE, tensor_parallel_size=2), SMALL_4)
    assert split.memory.kv_tokens < 1.2 * ranks.memory.kv_tokens
    assert ranks.room[0].of_gang == 2 * split.room[0].of_gang
