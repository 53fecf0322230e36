"""How even the groups of an order are, in total and at a step: the busiest group over the mean.

Totals are over all counted tokens. Ranks wait for the busiest of them at every step, whose few
tokens are less even, so totals are lower bounds of what ranks wait for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from model_shards.placement.balanced_order import heaviest
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import linear_order
from model_shards.placement.step_balance import (
    STEP_TOKENS,
    Choices,
    sampled_choices,
    step_balance,
    uniform_load,
)

EXPERT_PARALLEL = (2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Balance:
    """The busiest group's load over the mean; 1 is even, and also the figure without tokens.

    All ranks wait in every layer for the busiest rank, so `overall` adds up the layers' busiest
    groups, whichever ranks they are on. But ranks wait at every step, and these loads are totals
    over all counted tokens: a step has few tokens, which are less even, so each figure is a lower
    bound of what ranks wait for.
    """

    layers: tuple[float, ...]
    overall: float


@dataclass(frozen=True, slots=True)
class StepChange:
    """How even ranks are at an average step, estimated from tokens drawn from the load.

    `uniform` is of a router that chooses all experts equally often.
    """

    tokens: int
    linear: float
    ordered: float
    uniform: float


@dataclass(frozen=True, slots=True)
class Change:
    """How even an order is at one expert-parallel size, beside the order by number."""

    expert_parallel: int
    linear: Balance
    ordered: Balance
    steps: tuple[StepChange, ...]


def balance(load: ExpertLoad, order: Sequence[Sequence[int]], expert_parallel: int) -> Balance:
    """Compare the groups of an order; `expert_parallel` must divide the number of experts."""
    totals = [sum(tokens) for tokens in load.tokens]
    busiest = [
        heaviest(tokens, layer, expert_parallel)
        for tokens, layer in zip(load.tokens, order, strict=True)
    ]
    return Balance(
        tuple(_ratio(b, t, expert_parallel) for b, t in zip(busiest, totals, strict=True)),
        _ratio(sum(busiest), sum(totals), expert_parallel),
    )


def changes(
    load: ExpertLoad, order: Sequence[Sequence[int]], groups: int, top_k: int
) -> tuple[Change, ...]:
    """Compare an order with the order by number, at each usual size that `groups` groups serve."""
    linear = linear_order(load.layers, load.experts)
    drawn, even = sampled_choices(load, top_k), sampled_choices(uniform_load(load), top_k)

    def steps(size: int) -> tuple[StepChange, ...]:
        def at(choices: Choices, order: Sequence[Sequence[int]], tokens: int) -> float:
            return step_balance(choices, order, size, tokens)

        return tuple(
            StepChange(n, at(drawn, linear, n), at(drawn, order, n), at(even, linear, n))
            for n in STEP_TOKENS
        )

    return tuple(
        Change(size, balance(load, linear, size), balance(load, order, size), steps(size))
        for size in EXPERT_PARALLEL
        if groups % size == 0
    )


def _ratio(busiest: float, total: int, groups: int) -> float:
    return busiest * groups / total if total else 1.0
