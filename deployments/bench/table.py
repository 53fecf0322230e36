"""The comparison as tables for a terminal."""

from collections.abc import Iterator

from rich.table import Table

from deployments.bench.comparison import Comparison, Spread
from deployments.bench.contender import Contender
from deployments.bench.measurement import FIGURES


def figure_rows(comparison: Comparison) -> Iterator[list[str]]:
    """Yield `[streams, server, figure, …]`: medians, and the rounds' lowest and highest."""
    for streams in comparison.streams:
        for contender in Contender:
            figures = (comparison.figure(contender, streams, name) for name in FIGURES)
            yield [str(streams), contender, *map(with_range, figures)]


def ratio_rows(comparison: Comparison) -> Iterator[list[str]]:
    """Yield `[streams, other server, ratio, …]`."""
    for streams in comparison.streams:
        for other in (Contender.FLAGGED, Contender.PLAIN):
            ratios = (comparison.ratio(other, streams, name) for name in FIGURES)
            yield [str(streams), other, *map(with_range, ratios)]


def tables(comparison: Comparison) -> tuple[Table, Table]:
    """Return the tables of figures and of ratios."""
    figures = _table("Measured: median of the rounds (lowest to highest)", "server")
    for row in figure_rows(comparison):
        figures.add_row(*row, end_section=row[1] == Contender.SMALL4)
    ratios = _table("small4 ÷ the other: requests/s better above 1, times better below", "other")
    for row in ratio_rows(comparison):
        ratios.add_row(*row, end_section=row[1] == Contender.PLAIN)
    return figures, ratios


def _table(title: str, server: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("streams", justify="right")
    table.add_column(server, no_wrap=True)
    for heading in FIGURES.values():
        table.add_column(heading, justify="right")
    return table


def with_range(spread: Spread) -> str:
    """Return the median and, where rounds differ visibly, the lowest and highest."""
    median, low, high = map(_short, spread)
    return median if low == high else f"{median} ({low}–{high})"


def _short(value: float) -> str:
    """Return a number with two decimals below 10, one below 100, and else none."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
