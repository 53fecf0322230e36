"""How even ranks are step by step: they wait for the busiest of them at every layer of each step.

A step's few tokens are less even than the total of many. Even a router that chose all experts
equally often would leave the busiest of 8 ranks a third above the mean at 32 tokens.
"""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from model_shards.placement.expert_load import ExpertLoad

Choices = npt.NDArray[np.int64]
"""(tokens, layers, top_k): the experts that each token chose."""

STEP_TOKENS = 32, 128, 512
SAMPLED_TOKENS = 4096
_KNUTH = 2654435769  # vLLM's EPLB chooses a copy by the hash of a token's row


def step_balance(
    choices: Choices, order: Sequence[Sequence[int]], ranks: int, step_tokens: int
) -> float:
    """Return the busiest rank's load over the mean, averaged over steps of `step_tokens`.

    Rows are tokens in the order in which they are computed; a last step that isn't full is left
    out. In a step, layers' busiest ranks add up, whichever ranks they are.
    """
    layers = [
        _tokens_of_ranks(choices[:, number], slots, ranks, step_tokens)
        for number, slots in enumerate(order)
    ]
    busiest = sum(tokens.max(axis=1) for tokens in layers)
    return float(np.mean(busiest * ranks / sum(tokens.sum(axis=1) for tokens in layers)))


def ranks_of(chosen: Choices, order: Sequence[int], ranks: int) -> npt.NDArray[np.int64]:
    """Return the rank that computes each choice of one layer, (tokens, top_k).

    Tokens take turns among the ranks that hold copies of an expert, by the hash of their row.
    """
    places: list[list[int]] = [[] for _ in range(max(order) + 1)]
    for slot, expert in enumerate(order):
        places[expert].append(slot * ranks // len(order))
    table = np.array(list(zip_longest(*places, fillvalue=-1))).T
    copies = np.array([len(place) for place in places])
    turn = (np.arange(len(chosen)) * _KNUTH & 0xFFFFFFFF)[:, None] % copies[chosen]
    ranks_chosen: npt.NDArray[np.int64] = table[chosen, turn]
    return ranks_chosen


def sampled_choices(load: ExpertLoad, top_k: int, tokens: int = SAMPLED_TOKENS) -> Choices:
    """Draw the choices of `tokens` from a recorded load, each token by itself.

    Each token chooses an expert as likely as it was recorded, and `top_k` different ones: its
    points lie one apart on the experts' chances, laid end to end in random order (Madow's
    systematic sampling). Tokens of one text resemble each other, and are less even than this.
    """
    random = np.random.default_rng(0)
    layers = [_sampled(np.array(counts, float), top_k, tokens, random) for counts in load.tokens]
    return np.stack(layers, axis=1)


def uniform_load(load: ExpertLoad) -> ExpertLoad:
    """Return a load of the same shape in which all experts are chosen equally often."""
    return ExpertLoad(tokens=((1,) * load.experts,) * load.layers)


def _tokens_of_ranks(
    chosen: Choices, order: Sequence[int], ranks: int, step_tokens: int
) -> npt.NDArray[np.int64]:
    steps = len(chosen) // step_tokens
    rank = ranks_of(chosen[: steps * step_tokens], order, ranks).reshape(steps, -1)
    return np.stack([(rank == number).sum(axis=1) for number in range(ranks)], axis=1)


def _sampled(
    counts: npt.NDArray[np.float64], top_k: int, tokens: int, random: np.random.Generator
) -> Choices:
    shares = counts / counts.sum() if counts.any() else np.full(len(counts), 1 / len(counts))
    chances = (top_k * shares).clip(max=1)
    orders = random.random((tokens, len(chances))).argsort(axis=1)
    ends = chances[orders].cumsum(axis=1)
    points = random.random((tokens, 1)) + np.arange(top_k)
    chosen = (ends[:, :, None] <= points[:, None, :]).sum(axis=1).clip(max=len(chances) - 1)
    return np.take_along_axis(orders, chosen, axis=1)
