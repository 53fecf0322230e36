"""`python -m deployments.bench.lockstep`: what the choice of rank saves a gang of two ranks."""

import asyncio
import statistics
from collections import defaultdict
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.comparison import Spread
from deployments.bench.lockstep.gang import BUILDERS, Gang
from deployments.bench.lockstep.traffic import Traffic
from deployments.bench.lockstep.waste import waste
from deployments.bench.machine import Machine

_WARM_UP = Traffic(streams=8, requests=32, seed=0)

out = Console(highlight=False, width=max(Console().width, 110))


class Found(NamedTuple):
    """Waste and TTFT of one run."""

    waste: float
    ttft_p50_ms: float
    ttft_p99_ms: float


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each choice.")] = 3,
    streams: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 64,
    requests: Annotated[int, typer.Option(min=1, help="In each run.")] = 600,
) -> None:
    """Measure prompts with a heavy tail: how evenly a gang's ranks step, and TTFT."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    gang = Gang(BENCH_DIRECTORY)
    runs: defaultdict[str, list[Found]] = defaultdict(list)
    try:
        with reported(out):
            gang.start()
            for number in range(1, rounds + 1):
                for name in BUILDERS:
                    gang.choose_by(name)
                    run = _run(gang, Traffic(streams, requests, seed=number))
                    out.print(f"round {number}, {name}: {run}")
                    runs[name].append(run)
    finally:
        gang.stop()
    out.print(_table(runs))


def _run(gang: Gang, traffic: Traffic) -> Found:
    asyncio.run(_WARM_UP.send(gang.url, gang.model))
    gang.forget_steps()
    ttft_ms = sorted(asyncio.run(traffic.send(gang.url, gang.model)))
    p99_ms = ttft_ms[int(0.99 * (len(ttft_ms) - 1))]
    return Found(waste(gang.steps()), statistics.median(ttft_ms), p99_ms)


def _table(runs_by_name: dict[str, list[Found]]) -> Table:
    table = Table(title="Median of the rounds (lowest to highest), and small4's ÷ the other's")
    for heading in ("rank chosen by", "waste", "÷", "TTFT p50 ms", "÷", "TTFT p99 ms", "÷"):
        table.add_column(heading)
    for name, runs in runs_by_name.items():
        row = [name]
        for field in range(len(Found._fields)):
            spread = Spread.of(run[field] for run in runs)
            ratio = Spread.of(
                ours[field] / theirs[field]
                for ours, theirs in zip(runs_by_name["small4"], runs, strict=True)
            )
            row += [_text(spread), _text(ratio)]
        table.add_row(*row)
    return table


def _text(spread: Spread) -> str:
    return "{:.3g} ({:.3g}–{:.3g})".format(*spread)


if __name__ == "__main__":
    typer.run(bench)
