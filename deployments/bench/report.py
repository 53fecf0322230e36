"""The comparison as JSON, so that it can be followed over time."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from deployments.bench import workload
from deployments.bench.comparison import Comparison, Spread
from deployments.bench.contender import Contender
from deployments.bench.machine import Machine
from deployments.bench.measurement import FIGURES, Measurement
from deployments.bench.target import TARGETS, missed


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class FigureRow(_Row):
    """A server's figures at one number of streams."""

    server: str
    streams: int
    figures: dict[str, Spread]
    rounds: list[Measurement]


class RatioRow(_Row):
    """small4's figures divided by another server's, at one number of streams."""

    other: str
    streams: int
    ratios: dict[str, Spread]


class TargetRow(_Row):
    other: str
    streams: int
    at_least: float
    reached: float | None


class Report(_Row):
    """All that `router.json` holds; a Spread is `[median, lowest, highest]`."""

    date: datetime
    machine: Machine
    config: str
    input_tokens: int = workload.INPUT_TOKENS
    output_tokens: int = workload.OUTPUT_TOKENS
    figures: list[FigureRow]
    ratios: list[RatioRow]
    targets: list[TargetRow]
    missed: list[str]

    @classmethod
    def of(cls, comparison: Comparison, machine: Machine, config: str) -> "Report":
        return cls(
            date=datetime.now(UTC),
            machine=machine,
            config=config,
            figures=[
                _figure_row(comparison, contender, streams)
                for streams in comparison.streams
                for contender in Contender
            ],
            ratios=[
                _ratio_row(comparison, other, streams)
                for streams in comparison.streams
                for other in (Contender.FLAGGED, Contender.PLAIN)
            ],
            targets=[
                TargetRow(
                    other=target.other,
                    streams=target.streams,
                    at_least=target.at_least,
                    reached=target.reached(comparison),
                )
                for target in TARGETS
            ],
            missed=missed(comparison),
        )


def _figure_row(comparison: Comparison, contender: Contender, streams: int) -> FigureRow:
    return FigureRow(
        server=contender,
        streams=streams,
        figures={name: comparison.figure(contender, streams, name) for name in FIGURES},
        rounds=[
            cell.measurement
            for cell in comparison.cells
            if (cell.contender, cell.streams) == (contender, streams)
        ],
    )


def _ratio_row(comparison: Comparison, other: Contender, streams: int) -> RatioRow:
    return RatioRow(
        other=other,
        streams=streams,
        ratios={name: comparison.ratio(other, streams, name) for name in FIGURES},
    )
