"""`python -m deployments.bench.shards`: a checkpoint split beside cp, and loaded beside vLLM."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.machine import Machine
from deployments.bench.shards.bench import run
from deployments.bench.shards.table import load_table, split_table

out = Console(highlight=False, width=max(Console().width, 110))
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def bench(
    gigabytes: Annotated[float, typer.Option(min=0.001, help="Of experts, at least.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 3,
    directory: Annotated[
        Path, typer.Option(help="On the disk to be measured; the checkpoint stays there.")
    ] = BENCH_DIRECTORY / "shards",
    loads: Annotated[bool, typer.Option(help="Measure loading, too.")] = True,
    check: Annotated[bool, typer.Option(help="Fail if a split is too slow or too large.")] = True,
) -> None:
    """Measure splitting a checkpoint of noise, and loading what one of four ranks keeps of it."""
    machine = Machine.this()
    out.print(machine.describe())
    if machine.busy:
        err.print(f"The machine is busy (load {machine.load_1_min}): don't trust the figures.")
    with reported(err):
        measured = run(directory, int(gigabytes * 1e9), rounds, out.print, loads=loads)
    out.print(split_table(measured))
    if loads:
        out.print(load_table(measured))
    if check and (missed := measured.missed()):
        err.print("\n".join(missed), style="bold red")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(bench)
