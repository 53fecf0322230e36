"""The plugin's arithmetic; a whole engine with it is in `tests/system/parity`."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from deployments.shard.cpu_experts import local_experts
from tests.system.processes import cpu_rank
from tests.system.processes.cpu_rank import Sizes, rows

Answer = TypeVar("Answer")

# Rows per rank. vLLM gives an idle rank one row; none must work too.
_SIZES = [[3, 1], [1, 4], [2, 0], [2, 2], None]


def test_ids_become_local_and_absent_experts_weigh_nothing() -> None:
    expert_map = torch.tensor([-1, 0, -1, 1], dtype=torch.int32)
    ids = torch.tensor([[3, 0], [1, 2]], dtype=torch.int64)
    weights = torch.tensor([[0.75, 0.25], [0.5, 0.5]])

    local_ids, local_weights = local_experts(expert_map, ids, weights)

    assert local_ids.tolist() == [[1, 0], [0, 0]]
    assert local_weights.tolist() == [[0.75, 0.0], [0.5, 0.0]]
    assert local_ids.dtype == ids.dtype


def test_what_the_router_chose_stays_as_it_was() -> None:
    ids, weights = torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.5]])
    local_experts(torch.tensor([-1, 0]), ids, weights)
    assert ids.tolist() == [[0, 1]]
    assert weights.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_together_apply_every_chosen_expert_once(ranks: int) -> None:
    experts, tokens, top_k = 8, 50, 4
    draw = torch.Generator().manual_seed(0)
    outputs = torch.rand(experts, generator=draw, dtype=torch.float64)
    ids = torch.rand(tokens, experts, generator=draw).argsort(dim=-1)[:, :top_k]
    weights = torch.rand(tokens, top_k, generator=draw, dtype=torch.float64)

    total = torch.zeros(tokens, dtype=torch.float64)
    for held in torch.randperm(experts, generator=draw).chunk(ranks):
        expert_map = torch.full((experts,), -1, dtype=torch.int32)
        expert_map[held] = torch.arange(len(held), dtype=torch.int32)
        local_ids, local_weights = local_experts(expert_map, ids, weights)
        total += (outputs[held][local_ids] * local_weights).sum(dim=-1)

    torch.testing.assert_close(total, (outputs[ids] * weights).sum(dim=-1))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Two fresh processes: what the plugin changes in vLLM stays in them."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, spawn, cpu_rank.loopback_only) as pool:
        yield pool


@pytest.mark.parametrize("sizes", _SIZES)
def test_every_rank_gathers_the_rows_of_all(
    processes: ProcessPoolExecutor, tmp_path: Path, sizes: Sizes
) -> None:
    everything = torch.cat([rows(rank, size) for rank, size in enumerate(sizes or [2, 2])])
    expected = [everything.tolist(), (2 * everything).tolist()]
    assert _on_both_ranks(processes, cpu_rank.gathered, tmp_path, sizes) == [expected] * 2


@pytest.mark.parametrize("sizes", _SIZES)
def test_every_rank_keeps_its_rows_of_the_sum(
    processes: ProcessPoolExecutor, tmp_path: Path, sizes: Sizes
) -> None:
    counts = sizes or [2, 2]
    own = [rows(rank, sum(counts)) for rank in (0, 1)]
    kept = [part.tolist() for part in torch.split(own[0] + own[1], counts)]
    expected = list(zip(kept, [tensor.tolist() for tensor in own], strict=True))
    assert _on_both_ranks(processes, cpu_rank.scattered, tmp_path, sizes) == expected


def test_registering_twice_wraps_the_experts_once(processes: ProcessPoolExecutor) -> None:
    assert processes.submit(cpu_rank.wraps_of_experts).result() == 1


def test_nothing_changes_off_cpu() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        assert fresh.submit(cpu_rank.changes_off_cpu).result() == []


def _on_both_ranks(
    processes: ProcessPoolExecutor,
    task: Callable[[int, str, Sizes], Answer],
    scratch: Path,
    sizes: Sizes,
) -> list[Answer]:
    meeting = str(scratch / "meeting")
    answers = [processes.submit(task, rank, meeting, sizes) for rank in (0, 1)]
    return [answer.result() for answer in answers]
