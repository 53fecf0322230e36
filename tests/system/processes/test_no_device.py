"""Tests routers on nodes without a GPU, where vLLM's CUDA build finds no platform."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from tests.system.processes import blind_node


def _new_process(begin: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), begin) as pool:
        yield pool


@pytest.fixture(scope="module")
def blind() -> Iterator[ProcessPoolExecutor]:
    yield from _new_process(blind_node.blind)


@pytest.fixture(scope="module")
def seeing() -> Iterator[ProcessPoolExecutor]:
    yield from _new_process(blind_node.seeing)


@pytest.mark.parametrize("engine", [{}, {"dtype": "auto", "max_num_seqs": 8}])
def test_a_router_has_the_config_of_a_rank(
    blind: ProcessPoolExecutor, seeing: ProcessPoolExecutor, engine: dict[str, Any]
) -> None:
    """Compare all that vLLM's front end reads. MLA is off for ranks on CPUs, on for routers."""
    config = blind.submit(blind_node.of_router, engine).result()
    assert config == seeing.submit(blind_node.of_rank, engine).result()


@pytest.mark.parametrize(
    "engine",
    [
        {"tensor_parallel_size": 4, "all2all_backend": "deepep_low_latency", "enable_dbo": True},
        {"enable_eplb": True, "eplb_config": {"num_redundant_experts": 2}},
        {"attention_backend": "FLASHINFER_MLA", "kv_cache_dtype": "fp8", "block_size": 64},
        {"enable_sleep_mode": True, "disable_hybrid_kv_cache_manager": False},
    ],
)
def test_what_only_gpus_can_do_is_no_matter(
    blind: ProcessPoolExecutor, engine: dict[str, Any]
) -> None:
    asked = blind.submit(blind_node.of_router, engine).result()
    assert asked == blind.submit(blind_node.of_router, {}).result()


def test_ranks_get_the_same_of_a_router_on_any_node(
    blind: ProcessPoolExecutor, seeing: ProcessPoolExecutor
) -> None:
    platform, renounced, sent = blind.submit(blind_node.sent_by_router).result()
    assert (platform, renounced) == ("NoDevice", True)
    _, renounced, elsewhere = seeing.submit(blind_node.sent_by_router).result()
    assert renounced
    assert sent == elsewhere


def test_a_rank_without_a_gpu_says_what_to_do() -> None:
    for process in _new_process(blind_node.blind):
        failure = process.submit(blind_node.failure_of_rank).result()
        assert failure.startswith("gangs.resources.num_gpus is 0, and vLLM finds no GPU")
