"""`small4 roll`: put another config, version or other weights in the place of what serves."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from configs.autoscaling import Autoscaling
from configs.errors import ConfigError
from configs.serve_file import ServeFile
from deployments.cli.errors import reported
from deployments.cli.serve import check_access
from deployments.cli.shard_set import prepare

out = Console(highlight=False)


def roll(
    config: Annotated[Path, typer.Argument(help="The Ray Serve config file to serve from now on.")],
    share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Of the requests, to try the first new gang with."),
    ] = 0.0,
    share_s: Annotated[float, typer.Option(min=0, help="How long it is tried.")] = 300.0,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="An old gang goes before a new one comes: no spare GPUs."),
    ] = False,
    failures: Annotated[
        int,
        typer.Option(min=0, help="Lost new gangs and failed requests that don't make it go back."),
    ] = 0,
) -> None:
    """Replace what serves, gang by gang, without a failed request; go back if the new one fails.

    The new application comes up beside the old one. Requests go to it by the share of gangs that
    it has. Each ends where it began. Ctrl-C goes back; run it again to go on after any other end.
    """
    with reported():
        from deployments.rolling.roll import Roll
        from deployments.rolling.rollout import Plan

        file = ServeFile.load(config)
        check_access(file)
        prepare(file.deployment)
        begun_s = time.monotonic()
        rolling = Roll(file, lambda line: out.print(f"{time.monotonic() - begun_s:5.0f} s  {line}"))
        gangs, old_gangs = file.deployment.gangs, rolling.old_gangs
        if in_place and share and old_gangs < 2:
            raise ConfigError(
                "--share: one gang in its place leaves nothing to share: leave out one of the two"
            )
        plan = Plan(
            old_gangs=old_gangs,
            new_gangs=_within(gangs.autoscaling, old_gangs) if gangs.autoscaling else gangs.count,
            in_place=in_place,
            share=share,
            share_s=share_s,
            start_timeout_s=gangs.start_timeout_s,
            failures=failures,
        )
        rolling.run(plan)
        out.print(f"small4 serves {config}.")


def _within(scaling: Autoscaling, gangs: int) -> int:
    """Return as many gangs as there were, within the bounds of autoscaling, and at least one."""
    return max(1, scaling.min_gangs, min(scaling.max_gangs, gangs))
