"""Steps of the roofline against sums by hand, and against the one published rate."""

from dataclasses import replace

import pytest

from cluster.machines import GPUS, Gpu
from cluster.plan.node import Node
from cluster.plan.roofline import Roofline
from cluster.plan.shape import Shape
from tests.cluster.plan.manifests import SMALL_4

_H200 = replace(GPUS["H200"], memory_efficiency=1.0, arithmetic_efficiency=1.0)


def roofline(shape: Shape, gpu: Gpu = _H200, precision: str = "fp8") -> Roofline:
    node = Node(8, gpu.memory_bytes, gpu, network=50e9, link=gpu.nvlink)
    weights = SMALL_4.weights[precision]
    return Roofline(SMALL_4, weights, precision, shape, node, gpu, kv_token_bytes=23_040)


def test_a_full_step_of_decoding_reads_all_experts_and_every_cache() -> None:
    step = roofline(Shape(8, 1, 1)).decode(512, 1024)
    experts, cache = 116.0e9 / 8, 512 * 1024 * 23_040
    # Attention, shared experts, gates and the output matrix: 1.95 and, in BF16, 1.07 GB.
    assert step.memory_s == pytest.approx((experts + 3.03e9 + cache) / 4.8e12, rel=0.01)
    assert step.bound == "memory"


def test_one_token_reads_its_own_experts() -> None:
    alone = roofline(Shape(1, 1, 1)).decode(1, 1)
    assert alone.memory_s == pytest.approx((116.0e9 * 4 / 128 + 3.03e9) / 4.8e12, rel=0.01)
    assert alone.exchange_s == 0


def test_experts_are_read_for_the_tokens_of_all_ranks() -> None:
    alone, among_8 = (roofline(Shape(ranks, 1, 1)).decode(1, 1) for ranks in (1, 8))
    of_8_tokens = 1 - (1 - 4 / 128) ** 8
    more_bytes = 116.0e9 / 8 * of_8_tokens - 116.0e9 * 4 / 128
    assert among_8.memory_s - alone.memory_s == pytest.approx(more_bytes / 4.8e12, rel=0.01)


def test_a_query_meets_latents_and_their_rotated_keys() -> None:
    short, long = (roofline(Shape(1, 1, 1)).decode(16, tokens) for tokens in (1_000, 101_000))
    pairs = 16 * 100_000 * 36 * 32
    more_s = pairs * 2 * ((256 + 64) + 256) / 989e12
    assert long.arithmetic_s - short.arithmetic_s == pytest.approx(more_s)


def test_arithmetic_is_that_of_active_parameters() -> None:
    """6.5 billion act on a token (https://recipes.vllm.ai), half a billion of them for logits."""
    step = roofline(Shape(1, 1, 1)).prefill(8192, 1)
    assert step.arithmetic_s == pytest.approx(8192 * 2 * 6.1e9 / 1979e12, rel=0.15)


def test_tokens_are_exchanged_with_all_ranks_and_slower_between_machines() -> None:
    within, between = (
        roofline(shape).decode(64, 1024) for shape in (Shape(8, 1, 1), Shape(4, 2, 1))
    )
    row = 4096 * (1 + 2)
    assert within.exchange_s == pytest.approx(7 * 64 * row * 36 / 450e9)
    assert between.exchange_s == pytest.approx(7 * 64 * row * 36 / (4 * 50e9))


def test_tensor_parallelism_divides_the_weights_and_not_the_cache() -> None:
    whole, halved = (roofline(Shape(1, 1, split)).decode(64, 65_536) for split in (1, 2))
    cache_s = 64 * 65_536 * 23_040 / 4.8e12
    assert halved.memory_s - cache_s == pytest.approx((whole.memory_s - cache_s) / 2)


def test_fp4_is_multiplied_as_bf16_where_the_gpu_has_none() -> None:
    hopper = roofline(Shape(1, 1, 1), precision="nvfp4").prefill(8192, 1024)
    fp8 = roofline(Shape(1, 1, 1)).prefill(8192, 1024)
    assert hopper.arithmetic_s > fp8.arithmetic_s


def test_one_stream_on_a_dgx_spark_is_somewhat_slower_than_the_roofline() -> None:
    """29 tokens/s of NVFP4 are published (FP4 at 500 TFLOP/s, a quarter of it in BF16)."""
    spark = Gpu("GB10", 128 << 30, 273e9, 125e12, 250e12, 500e12, 25e9)
    step = roofline(Shape(1, 1, 1), spark, "nvfp4").decode(1, 1024)
    assert 29 < 1 / step.seconds < 1.3 * 29
