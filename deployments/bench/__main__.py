"""`python -m deployments.bench`, which `make bench` runs."""

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from configs.errors import Small4Error
from configs.schema import PROJECT_ROOT
from deployments.bench.bench import run
from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.contender import Contender
from deployments.bench.machine import Machine
from deployments.bench.report import Report
from deployments.bench.table import tables

# Wide enough for the tables, also where the output isn't a terminal.
out = Console(highlight=False, width=max(Console().width, 110))
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)  # shows logs as they are

_CONFIG = PROJECT_ROOT / "configs" / "serve" / "bench.yaml"
_SPLIT_BYTES = 10**9  # enough to tell a split from cp; BENCH=shards takes more


class _Steps:
    """Shows the step that is under way, and how many of all are done."""

    def __init__(self, total: int) -> None:
        columns = (SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Redrawing costs CPU time, and there are two cores: once a second is enough.
        self.shown = RichProgress(
            *columns, TextColumn("{task.description}"), console=out, refresh_per_second=1
        )
        self._task = self.shown.add_task("", total=total, completed=-1)

    def step(self, text: str) -> None:
        self.shown.update(self._task, advance=1, description=text)
        if not out.is_terminal:
            out.print(text)


def bench(
    config: Annotated[Path, typer.Argument(help="A Serve config of one rank.")] = _CONFIG,
    rounds: Annotated[int, typer.Option(min=1, help="Each server's turns at each load.")] = 3,
    streams: Annotated[str, typer.Option(help="Concurrent streams, by commas.")] = "1,16,64",
    check: Annotated[bool, typer.Option(help="Fail if the targets aren't reached.")] = True,
) -> None:
    """Measure small4 beside `vllm serve`, with and without the flags Mistral recommends.

    Then, in less than a minute, a split of a small checkpoint beside cp.
    """
    loads = _parse(streams)
    # A SIGTERM, too, must stop the servers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine = Machine.this()
    out.print(machine.describe())
    if machine.busy:
        err.print(f"The machine is busy (load {machine.load_1_min}): don't trust the figures.")
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    steps = _Steps(total=2 * len(Contender) + rounds * len(loads) * len(Contender) + 1)
    with reported(err), steps.shown:
        comparison = run(config, rounds, loads, BENCH_DIRECTORY, steps)
    report = Report.of(comparison, machine, str(config))
    path = BENCH_DIRECTORY / "router.json"
    path.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    out.print(*tables(comparison), sep="\n")
    out.print(f"Written to {path}")
    missed = [*report.missed, *_split(rounds)]
    if check and missed:
        err.print("\n".join(missed), style="bold red")
        raise typer.Exit(1)


def _split(rounds: int) -> list[str]:
    """Measure a split beside cp; return a sentence for each missed target, or the error."""
    from deployments.bench.shards import bench as shards
    from deployments.bench.shards.table import split_table

    try:
        directory = BENCH_DIRECTORY / "shards"
        measured = shards.run(directory, _SPLIT_BYTES, rounds, out.print, loads=False)
    except Small4Error as error:
        return [f"error: {error}"]
    out.print(split_table(measured))
    return measured.missed()


def _parse(streams: str) -> list[int]:
    try:
        loads = [int(number) for number in streams.split(",")]
    except ValueError:
        loads = [0]
    if min(loads) < 1:
        raise typer.BadParameter(f"--streams {streams!r}: give numbers from 1 up, as in 1,16,64.")
    return loads


if __name__ == "__main__":
    typer.run(bench)
