"""Medians, spreads and ratios over rounds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deployments.bench.contender import Contender
from deployments.bench.measurement import Measurement


class Spread(NamedTuple):
    """A figure's median, lowest and highest value over all rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True, slots=True)
class Cell:
    """A measurement, with its round, number of streams and server."""

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
        """Return a figure of `FIGURES`, as measured."""
        return Spread.of(self._by_round(contender, streams, name).values())

    def ratio(self, other: Contender, streams: int, name: str) -> Spread:
        """Return small4's figure divided by the other's.

        It is divided round by round, before the median: what slows a round down slows both.
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
