"""Asks a running engine which experts its layers really hold.

A vLLM worker extension: its methods are added to the worker, and the shard calls them by name.
Read from vLLM 0.32.
"""

from collections.abc import Iterable
from typing import Any

import torch


class HeldExperts:
    """The methods that vLLM adds to its worker."""

    model_runner: Any

    def held_experts(self) -> list[int]:
        """Return `[experts of the model, id, id, …]`.

        The ids are global, and of those experts that every layer of this worker holds, wherever
        redundant experts have their slots.
        """
        total, held = 0, None
        for module in self.model_runner.get_model().modules():
            experts: Any = getattr(module, "routed_experts", None)
            if getattr(experts, "expert_map_manager", None) is None:
                continue
            ids = layer_experts(experts.expert_map_manager, module.router.eplb_state)
            total, local = len(ids), {expert for expert, here in enumerate(ids) if here}
            held = local if held is None else held & local
        return [total, *sorted(held or ())]


def layer_experts(manager: Any, eplb_state: Any) -> list[bool]:
    """Return which of the model's experts a layer holds; EPLB maps each of them to some slots."""
    slots = torch.arange(manager.global_num_experts)[:, None]
    if eplb_state is not None and eplb_state.logical_to_physical_map is not None:
        slots = eplb_state.logical_to_physical_map.cpu()
    local = [bool(manager.is_local_expert(slot)) for slot in range(manager.global_num_experts)]
    here = torch.tensor(local)
    found: list[bool] = (here[slots.clamp(min=0)] & (slots >= 0)).any(dim=1).tolist()
    return found


def as_ranges(experts: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return sorted ids as ranges with both ends included: 0, 1, 2, 5 → (0, 2), (5, 5)."""
    ranges: list[tuple[int, int]] = []
    for expert in experts:
        if ranges and expert == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], expert)
        else:
            ranges.append((expert, expert))
    return tuple(ranges)
