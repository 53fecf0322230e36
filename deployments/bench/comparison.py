"""Medians, spreads and ratios over rounds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deployments.bench.contender import Contender
from deployments.bench.measurement import Measurement


class Spread(NamedTuple):
    """One figure over all rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement and where it belongs."""

    round: int
    streams: int
    contender: Contender
    measurement: Measurement


class Comparison:
    """All cells of a bench; every contender was measured in every round."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        self.streams = sorted({cell.streams for cell in cells})

    def figure(self, contender: Contender, streams: int, name: str) -> Spread:
        """A figure of `FIGURES`, as measured."""
        return Spread.of(self._by_round(contender, streams, name).values())

    def ratio(self, other: Contender, streams: int, name: str) -> Spread:
        """small4's figure divided by the other's.

        Divided round by round, then the median: what slowed one round down slowed both.
        """
        ours = self._by_round(Contender.SMALL4, streams, name)
        theirs = self._by_round(other, streams, name)
        return Spread.of(ours[number] / theirs[number] for number in ours)

    def _by_round(self, contender: Contender, streams: int, name: str) -> dict[int, float]:
        return {
            cell.round: cell.measurement.figure(name)
            for cell in self.cells
            if (cell.contender, cell.streams) == (contender, streams)
        }
