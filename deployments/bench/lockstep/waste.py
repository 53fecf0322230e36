"""The share of a gang's time that its less busy ranks wait, from the ranks' step logs."""

from collections.abc import Sequence
from pathlib import Path

Steps = dict[tuple[int, int], int]  # (wave, step) -> tokens


def read_steps(log: Path, offset: int = 0) -> Steps:
    """Return the steps that were written after the first `offset` bytes."""
    lines = log.read_bytes()[offset:].decode("ascii").splitlines()
    rows = (tuple(map(int, line.split(","))) for line in lines)
    return {(wave, step): tokens for wave, step, tokens in rows}


def waste(ranks: Sequence[Steps]) -> float:
    """Return 1 - mean/max tokens over the ranks, over all steps in which any rank has some.

    A step takes as long as its busiest rank, so steps count by their largest number of tokens: the
    waste is the share of the ranks' time in which they only wait. 0 is even, 1 - 1/ranks the worst.
    """
    busiest = total = 0
    # A rank may have logged a step more than another when the logs were read.
    for step in set.intersection(*(set(steps) for steps in ranks)):
        tokens = [steps[step] for steps in ranks]
        busiest += max(tokens)
        total += sum(tokens)
    return 1 - total / (len(ranks) * busiest) if busiest else 0.0
