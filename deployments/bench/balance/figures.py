"""The figures of orders: in total, at steps of each phase, and on traffic that wasn't recorded."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from deployments.bench.balance.traffic import TOP_K, Kind, decode, prefill, recorded
from model_shards.placement.balance import balance
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import ExpertOrder, linear_order
from model_shards.placement.step_balance import sampled_choices, step_balance, uniform_load

STEPS = 32, 128, 512, 2048

Figures = Mapping[str, float]


def totals(load: ExpertLoad, orders: Mapping[str, ExpertOrder], ranks: int) -> Figures:
    """Return the busiest rank's load over the mean, over all tokens."""
    return {name: balance(load, order, ranks).overall for name, order in orders.items()}


def steps(
    kinds: Sequence[Kind], orders: Mapping[str, ExpertOrder], ranks: int, tokens: int
) -> dict[str, Figures]:
    """Return by phase what ranks wait for at steps of `tokens`, beside an even router's."""
    load = recorded(kind.choices for kind in kinds)
    even = sampled_choices(uniform_load(load), TOP_K)
    phases = {"prefill": prefill(kinds), "decode": decode(kinds)}
    return {
        phase: {
            **{n: step_balance(choices, order, ranks, tokens) for n, order in orders.items()},
            "even router": step_balance(
                even, linear_order(load.layers, load.experts), ranks, tokens
            ),
        }
        for phase, choices in phases.items()
    }


@dataclass(frozen=True, slots=True)
class Shifted:
    """Mean and largest figure over all pairs of kinds that were left out of the record."""

    mean: float
    largest: float


def shifted(kinds: Sequence[Kind], ranks: int) -> dict[str, Shifted]:
    """Cut for all kinds but two, and measure the totals of those two; so for every two.

    `known` is cut for the two themselves: what no record of other traffic can tell.
    """
    found: dict[str, list[float]] = {}
    for left_out in combinations(kinds, 2):
        rest = [kind for kind in kinds if kind not in left_out]
        seen = recorded(kind.choices for kind in left_out)
        for name, order in _orders(rest, seen, ranks).items():
            found.setdefault(name, []).append(balance(seen, order, ranks).overall)
    return {name: Shifted(statistics.mean(of), max(of)) for name, of in found.items()}


def _orders(rest: Sequence[Kind], seen: ExpertLoad, ranks: int) -> dict[str, ExpertOrder]:
    loads = [recorded([kind.choices]) for kind in rest]
    alike, all_tokens = ExpertLoad.mean(loads), recorded(kind.choices for kind in rest)
    return {
        "by number": linear_order(seen.layers, seen.experts),
        "balanced": balanced_order(all_tokens, ranks),
        "balanced, 1 replica a rank": balanced_order(all_tokens, ranks, replicas=1),
        "kinds alike": balanced_order(alike, ranks),
        "kinds alike, 1 replica": balanced_order(alike, ranks, replicas=1),
        "kinds alike, 4 replicas": balanced_order(alike, ranks, replicas=4),
        "known": balanced_order(seen, ranks),
        "known, 1 replica": balanced_order(seen, ranks, replicas=1),
    }
