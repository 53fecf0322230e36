"""`python -m deployments.chaos`, which `make chaos` runs."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from configs.errors import BenchError
from configs.schema import PROJECT_ROOT
from deployments.bench.command import reported
from deployments.bench.machine import Machine
from deployments.chaos import ledger
from deployments.chaos.chaos import Plan, run
from deployments.chaos.kind import KINDS, Kind
from deployments.chaos.look import Shape
from deployments.chaos.page import page
from deployments.chaos.plot import plot
from deployments.chaos.report import Report
from deployments.chaos.report import reported as report_of
from deployments.chaos.sandbox import TEMPORARY, enter, left_out

out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

_DIRECTORY = PROJECT_ROOT / ".cache" / "chaos"


def chaos(  # noqa: PLR0913, PLR0917 - a command's options
    seed: Annotated[int, typer.Option(help="The schedule's and the traffic's.")] = 1,
    faults: Annotated[int, typer.Option(min=1)] = 25,
    kinds: Annotated[str, typer.Option(help="By commas; all by default.")] = "",
    gangs: Annotated[int, typer.Option(min=2)] = 2,
    ranks: Annotated[int, typer.Option(min=1, help="In each gang.")] = 2,
    routers: Annotated[int, typer.Option(min=1)] = 2,
    workers: Annotated[
        bool, typer.Option("--workers", help="Engines with worker processes, to be hit, too.")
    ] = False,
    clients: Annotated[int, typer.Option(min=1)] = 10,
    calm_s: Annotated[float, typer.Option(help="Traffic before the first fault.")] = 30,
    stall_s: Annotated[float, typer.Option(help="A client's patience without a token.")] = 330,
    patience_s: Annotated[float, typer.Option(help="For a deployment to be whole.")] = 300,
    last_s: Annotated[float, typer.Option(help="No fault begins later than this.")] = 7200,
    record: Annotated[bool, typer.Option(help="Add the run to the ledger.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Write the README's table only.")] = False,
    into: Annotated[Path, typer.Option(help="Where page and JSON go.")] = _DIRECTORY,
    sandboxed: Annotated[bool, typer.Option("--sandboxed", hidden=True)] = False,
) -> None:
    """Play faults on a deployment of its own under mixed traffic, and report what clients saw.

    Exit status 1 if a request failed, was wrong or hung, if the deployment didn't get over a fault
    by itself, or if something was left behind.
    """
    with reported(err):
        if table:
            text = ledger.README.read_text("utf-8")
            ledger.README.write_text(ledger.with_tables(text, ledger.load()), encoding="utf-8")
            return
        if into.resolve().is_relative_to(TEMPORARY):
            raise BenchError(f"--into {into}: a run has a {TEMPORARY} of its own; take another.")
        if not sandboxed:
            enter([*sys.argv[1:], "--sandboxed"])
        # A SIGTERM, too, must take the deployment down.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        missing = left_out(sandboxed=sandboxed, nft=shutil.which("nft") is not None)
        plan = Plan(
            seed,
            faults,
            Shape(gangs, ranks, routers),
            _parse(kinds),
            clients,
            calm_s,
            stall_s,
            patience_s,
            last_s,
            workers,
        )
        into.mkdir(parents=True, exist_ok=True)
        machine, commit = Machine.this(), _commit()
        report = report_of(
            run(plan, missing, into / "serve.yaml", _step),
            seed=seed,
            commit=commit,
            machine=machine,
            shape=plan.shape,
            clients=clients,
        )
        _write(report, into / f"seed-{seed}")
        if record:
            ledger.record(ledger.Row.of(report))
    if not report.good:
        raise typer.Exit(1)


def _step(text: str) -> None:
    out.print(f"{time.strftime('%H:%M:%S')} {text}")


def _write(report: Report, path: Path) -> None:
    path.with_suffix(".json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    path.with_suffix(".html").write_text(page(report, plot(report)), encoding="utf-8")
    out.print(report.counts.model_dump_json())
    for line in report.left_behind:
        out.print(f"left behind: {line}")
    for kind, reason in report.left_out.items():
        out.print(f"left out: {kind}: {reason}")
    out.print(f"Written to {path.with_suffix('.html')} and .json")


def _parse(kinds: str) -> list[Kind]:
    by_name = {str(kind): kind for kind in KINDS}
    names = kinds.split(",") if kinds else list(by_name)
    if unknown := [name for name in names if name not in by_name]:
        raise typer.BadParameter(f"--kinds {','.join(unknown)}: there are {', '.join(by_name)}.")
    return [by_name[name] for name in names]


def _commit() -> str:
    words = ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(chaos)
