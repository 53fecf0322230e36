"""Compares a simulation with fixed numbers of gangs, as a table for a terminal."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from deployments.simulation.summary import Quantiles, Summary

TABLE_WIDTH = 112  # a terminal that is narrower wraps it


def simulation_table(runs: Mapping[str, Summary]) -> Table:
    """Make a table with a row for each named run.

    Its last column is GPU hours, or gang hours if the gangs have no GPUs.
    """
    gpus = any(run.gpu_hours for run in runs.values())
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("", no_wrap=True)
    columns = (
        "good",
        "good/s",
        "refused",
        *("TTFT p50", "p90", "p99"),
        *("TPOT p50", "p90", "p99"),
    )
    for column in (*columns, "gangs up", "changes", "GPU h" if gpus else "gang h"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, run in runs.items():
        table.add_row(name, *_cells(run, run.gpu_hours if gpus else run.gang_hours))
    return table


def _cells(run: Summary, hours: float) -> Iterator[str]:
    yield f"{run.good_share:.2%}"
    yield f"{run.goodput_per_s:.3g}"
    yield f"{run.refused:,}"
    yield from _quantiles(run.ttft_s)
    yield from _quantiles(run.tpot_s)
    least, most = run.gangs_least, run.gangs_most
    yield f"{least}" if least == most else f"{least}–{most}, {run.gangs_mean:.2f}"
    yield f"+{run.added} −{run.let_go}" if run.added or run.let_go else "–"
    yield f"{hours:.2f}"


def _quantiles(of: Quantiles) -> Iterator[str]:
    for value in (of.p50, of.p90, of.p99):
        yield "–" if value is None else _time(value)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
