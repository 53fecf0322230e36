"""Asks a running engine which experts its layers really hold.

A vLLM worker extension: its methods are added to the worker, and the shard calls them by name.
Read from vLLM 0.32.
"""

from collections.abc import Iterable
from typing import Any


class HeldExperts:
    """The methods that vLLM adds to its worker."""

    model_runner: Any

    def held_experts(self) -> list[int]:
        """Return `[experts of the model, id, id, …]`.

        The ids are global, and of those experts that every layer of this worker holds.
        """
        total, held = 0, None
        for module in self.model_runner.get_model().modules():
            manager = getattr(module, "expert_map_manager", None)
            if manager is None:
                continue
            total = manager.global_num_experts
            local = {expert for expert in range(total) if manager.is_local_expert(expert)}
            held = local if held is None else held & local
        return [total, *sorted(held or ())]


def as_ranges(experts: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return sorted ids as ranges with both ends included: 0, 1, 2, 5 → (0, 2), (5, 5)."""
    ranges: list[tuple[int, int]] = []
    for expert in experts:
        if ranges and expert == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], expert)
        else:
            ranges.append((expert, expert))
    return tuple(ranges)
