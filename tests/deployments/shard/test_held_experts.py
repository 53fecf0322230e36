from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm.model_executor.layers.fused_moe.expert_map_manager import determine_expert_map

from deployments.shard.held_experts import HeldExperts, as_ranges


@pytest.mark.parametrize(
    ("ids", "ranges"),
    [
        ([], ()),
        ([5], ((5, 5),)),
        (range(64, 128), ((64, 127),)),
        ([0, 1, 2, 5, 7, 8], ((0, 2), (5, 5), (7, 8))),
    ],
)
def test_ids_become_ranges(ids: list[int], ranges: tuple[tuple[int, int], ...]) -> None:
    assert as_ranges(ids) == ranges


class _Layer(torch.nn.Module):
    """A layer of 4 experts, on a rank of 2, as vLLM lays it out with so many slots."""

    def __init__(
        self, slots: int, experts_to_slots: list[list[int]] | None = None, rank: int = 1
    ) -> None:
        super().__init__()
        _, expert_map, _ = determine_expert_map(2, rank, slots)
        manager = SimpleNamespace(
            global_num_experts=slots,
            is_local_expert=lambda slot: expert_map[slot] != -1,
        )
        self.routed_experts = SimpleNamespace(expert_map_manager=manager)
        state = None
        if experts_to_slots is not None:
            state = SimpleNamespace(logical_to_physical_map=torch.tensor(experts_to_slots))
        self.router = SimpleNamespace(eplb_state=state)


def _held(*layers: torch.nn.Module) -> list[int]:
    worker: Any = HeldExperts()
    worker.model_runner = SimpleNamespace(get_model=lambda: torch.nn.Sequential(*layers))
    held: list[int] = worker.held_experts()
    return held


def test_a_rank_holds_its_part_of_the_experts() -> None:
    assert _held(torch.nn.Linear(1, 1), _Layer(4), _Layer(4)) == [4, 2, 3]


def test_with_redundant_experts_it_holds_experts_not_slots() -> None:
    """Slots 3 to 5 are on this rank: experts 1, 0 and 3, of which 0 has another slot elsewhere."""
    layer = _Layer(6, [[0, 4, -1], [3, -1, -1], [1, 2, -1], [5, -1, -1]])
    assert _held(layer) == [4, 0, 1, 3]


def test_a_slot_that_an_expert_lacks_is_on_no_rank() -> None:
    layer = _Layer(6, [[0, 4, -1], [3, -1, -1], [1, 2, -1], [5, -1, -1]], rank=0)
    assert _held(layer) == [4, 0, 2]


def test_only_what_every_layer_holds_is_told() -> None:
    one = _Layer(6, [[0, 4, -1], [3, -1, -1], [1, 2, -1], [5, -1, -1]])
    other = _Layer(6, [[0, 1, -1], [3, -1, -1], [4, 2, -1], [5, -1, -1]])
    assert _held(one, other) == [4, 1, 3]
