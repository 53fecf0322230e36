"""`small4 autoscale`: what the autoscaling policy would do, before machines are paid for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from configs.errors import ConfigError
from configs.scenario import Scenario
from deployments.cli.errors import err, reported
from deployments.simulation.outcome import Outcome
from deployments.simulation.plot import plot
from deployments.simulation.simulation import fixed
from deployments.simulation.simulation import simulate as play
from deployments.simulation.summary import Summary, summary
from deployments.simulation.table import TABLE_WIDTH, simulation_table

app = typer.Typer(help="What the autoscaling policy would do.", no_args_is_help=True)
out = Console(highlight=False)


@app.callback()
def _group() -> None:
    """Keep `simulate` a command of its own while it is the only one."""


@app.command()
def simulate(
    scenario: Annotated[
        Path,
        typer.Argument(help="Traffic, gang and policy, such as configs/scenarios/day.yaml."),
    ],
    plot_to: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture of it there, as PNG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Play a trace of arrivals against the policy, and against fixed numbers of gangs."""
    with reported():
        played = Scenario.load(scenario)
        with err.status("the policy") as status:
            outcome = play(played)
            runs = {"policy": summary(outcome)}
            for gangs in range(1, played.autoscaling.max_gangs + 1):
                name = f"{gangs} gang{'s' if gangs > 1 else ''}"
                status.update(f"{name}, for comparison")
                runs[name] = summary(fixed(played, gangs))
        if plot_to is not None:
            _plot(outcome, plot_to, scenario.stem)
    if as_json:
        typer.echo(json.dumps({name: asdict(run) for name, run in runs.items()}))
    else:
        _print(outcome, runs)


def _print(outcome: Outcome, runs: dict[str, Summary]) -> None:
    for look in outcome.looks:
        if look.wanted != look.gangs.staying:
            out.print(f"{_clock(look.at_s)}  {look.reason}", soft_wrap=True)
    targets = outcome.scenario.autoscaling
    out.print(
        f"{len(outcome.requests):,} requests in {_clock(outcome.duration_s)}; good are those with "
        f"a TTFT of {targets.ttft_s:g} s and a TPOT of {1000 * targets.tpot_s:g} ms at most",
        soft_wrap=True,
    )
    wide = Console(highlight=False, width=max(out.width, TABLE_WIDTH))
    wide.print(simulation_table(runs))


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(int(at_s), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _plot(outcome: Outcome, path: Path, title: str) -> None:
    try:
        plot(outcome, path, title)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--plot {path} can't be written: {error}") from error
