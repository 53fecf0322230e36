"""How even the groups of an order are: the busiest group's load over the mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from model_shards.placement.balanced_order import heaviest
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import linear_order

EXPERT_PARALLEL = (2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Balance:
    """Busiest group's load over the mean; 1 is even, and also what no tokens are.

    All ranks wait for the busiest one in every layer, so `overall` adds up the layers' busiest
    groups, whichever ranks they are on.
    """

    layers: tuple[float, ...]
    overall: float


@dataclass(frozen=True, slots=True)
class Change:
    """What an order does for one expert-parallel size."""

    expert_parallel: int
    linear: Balance
    ordered: Balance


def balance(load: ExpertLoad, order: Sequence[Sequence[int]], expert_parallel: int) -> Balance:
    """`expert_parallel` divides the number of experts."""
    totals = [sum(tokens) for tokens in load.tokens]
    busiest = [
        heaviest(tokens, layer, expert_parallel)
        for tokens, layer in zip(load.tokens, order, strict=True)
    ]
    return Balance(
        tuple(_ratio(b, t, expert_parallel) for b, t in zip(busiest, totals, strict=True)),
        _ratio(sum(busiest), sum(totals), expert_parallel),
    )


def changes(load: ExpertLoad, order: Sequence[Sequence[int]], groups: int) -> tuple[Change, ...]:
    """For each usual size that a shard set of that many groups serves."""
    linear = linear_order(load.layers, load.experts)
    return tuple(
        Change(size, balance(load, linear, size), balance(load, order, size))
        for size in EXPERT_PARALLEL
        if groups % size == 0
    )


def _ratio(busiest: int, total: int, groups: int) -> float:
    return busiest * groups / total if total else 1.0
