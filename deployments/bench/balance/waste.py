"""How long the ranks of a gang compute a step's experts, in plain PyTorch, and wait for each other.

One after another, each rank's share of one layer is computed here, with the choices of real tokens.
A rank's time follows the experts that its tokens touch, whose weights it reads, more than tokens.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from deployments.bench.roofline.experts import ExpertLayer, Routed
from deployments.bench.roofline.timing import noise, seconds
from model_shards.placement.order import ExpertOrder
from model_shards.placement.step_balance import Choices, ranks_of

_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Waste:
    """Seconds of a layer's experts in a step: of the slowest rank, and of the mean rank."""

    slowest_s: float
    mean_s: float

    @property
    def ratio(self) -> float:
        return self.slowest_s / self.mean_s


class Gang:
    """Ranks with experts of one size; all compute with the same weights, which take no part."""

    def __init__(self, ranks: int, held: int, hidden: int, expert_hidden: int, device: str) -> None:
        self._ranks = ranks
        self._hidden = hidden
        self._device = device
        self._layer = ExpertLayer(held, hidden, expert_hidden, fp8=False, device=device)
        self._timed = seconds if device == "cuda" else _fastest_s

    def wastes(
        self, choices: Choices, orders: Mapping[str, ExpertOrder], tokens: int, steps: int
    ) -> dict[str, Waste]:
        """Time `steps` steps of `tokens` with each order, which take turns at every step."""
        spans: dict[str, list[list[float]]] = {name: [] for name in orders}
        for start in range(0, steps * tokens, tokens):
            for layer in range(choices.shape[1]):
                chosen = choices[start : start + tokens, layer]
                for name, order in orders.items():
                    spans[name].append([self._span_s(chosen, order[layer], r) for r in self.ranks])
        return {name: _waste(np.array(of)) for name, of in spans.items()}

    @property
    def ranks(self) -> range:
        return range(self._ranks)

    def _span_s(self, chosen: Choices, order: tuple[int, ...], rank: int) -> float:
        mine = ranks_of(chosen, order, self._ranks) == rank
        held = len(order) // self._ranks
        place = np.full(len(order), -1)
        place[list(order[rank * held : (rank + 1) * held])] = np.arange(held)
        local = torch.tensor(np.where(mine, place[chosen], -1), device=self._device)
        batch = noise(len(chosen), self._hidden, device=self._device)
        return self._timed([self._layer.products(batch, Routed.of(local, held))])


def _waste(spans: np.ndarray) -> Waste:
    return Waste(float(spans.max(axis=1).mean()), float(spans.mean()))


def _fastest_s(calls: list[Callable[[], object]]) -> float:
    """Return the seconds of the fastest call: what else runs on these cores only adds to it."""
    (call,) = calls
    spans = []
    for _ in range(_REPEATS):
        start_s = time.perf_counter()
        call()
        spans.append(time.perf_counter() - start_s)
    return min(spans)
