"""`small4 status`: deployments, gangs and ranks, as they are now."""

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from configs.errors import ClusterError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.errors import reported
from deployments.losses import Cause
from deployments.ray_serve.handle import asked
from deployments.ray_serve.rest_api import ApplicationStatus, ServeApi, serving, stands_for
from deployments.wire.rank_entry import RankEntry

out = Console(highlight=False)

_MOST_CAUSES = 5
_SECRET = {"server_public", "client_public", "client_secret"}


def status(
    config: Annotated[Path, typer.Argument(help="The config that was served.")] = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    every_s: Annotated[
        float | None,
        typer.Option(min=0.1, help="Show it again every so many seconds, until Ctrl-C."),
    ] = None,
) -> None:
    """Show deployments, gangs and ranks, and which experts each rank's engine holds."""
    with reported():
        file, api = ServeFile.load(config), ServeApi()
        if every_s is None:
            _show(_look(file, api), as_json)
            return
    while True:
        # What doesn't answer now may answer soon.
        with contextlib.suppress(typer.Exit), reported():
            _show(_look(file, api), as_json)
        time.sleep(every_s)


@dataclass(frozen=True, slots=True)
class _Look:
    application: ApplicationStatus
    beside: dict[str, str]  # by name, the status of applications that a roll has made
    ranks: list[RankEntry]
    causes: list[Cause]  # why gangs were lost, the latest first
    scaling: dict[str, Any] | None  # the scaler's last view and decision


def _look(file: ServeFile, api: ServeApi) -> _Look:
    """Ask Serve, roster and scaler.

    Raises ClusterError if the application isn't deployed, or if one of them doesn't answer.
    """
    applications = api.applications()
    application = serving(applications, file.application)
    if application is None:
        raise ClusterError(f"no application {file.application!r} is deployed: `small4 serve` does.")
    name = application.name
    return _Look(
        application,
        {
            other: status.status
            for other, status in applications.items()
            if stands_for(other, file.application) and other != name
        },
        asked(name, "Roster", "living"),
        asked(name, "Roster", "causes"),
        _scaling(name) if file.deployment.gangs.autoscaling else None,
    )


def _scaling(application: str) -> dict[str, Any] | None:
    seen, decision = asked(application, "Scaler", "state")
    if seen is None or decision is None:
        return None
    return {**asdict(seen.gangs), "wanted": decision.gangs, "reason": decision.reason}


def _show(look: _Look, as_json: bool) -> None:
    if as_json:
        shown = {
            **look.application.model_dump(),
            "ranks": [rank.model_dump(exclude=_SECRET) for rank in look.ranks],
            "scaling": look.scaling,
            "lost": [_shown(cause) for cause in look.causes],
        }
        typer.echo(json.dumps(shown, default=str))
        return
    out.print(f"{look.application.name}: {look.application.status}")
    for name, status in look.beside.items():
        out.print(f"beside it, by a roll: {name}: {status}")
    for deployment in look.application.deployments:
        replicas = f"{deployment.running} of {deployment.wanted} running"
        out.print(f"  {deployment.name}: {replicas}, {deployment.status}")
    if (scaling := look.scaling) is not None:
        counts = (f"{scaling[name]} {name}" for name in ("up", "starting", "draining"))
        out.print(f"  gangs: {', '.join(counts)}; {scaling['reason']}", markup=False)
    for number, gang in enumerate(_by_gang(look.ranks), start=1):
        out.print(_table(number, gang))
        for rank in gang:
            if rank.refused:
                out.print(f"  rank {rank.rank} isn't used: {rank.refused}", markup=False)
    for cause in look.causes[:_MOST_CAUSES]:
        lost = cause.loss
        where = f"gang {lost.gang[:8]}, by rank {lost.rank} on {lost.node}"
        out.print(f"lost {cause.at_s:.0f} s ago: {where}: {lost.doing}", markup=False)


def _shown(cause: Cause) -> dict[str, Any]:
    return {"seconds_ago": cause.at_s, **cause.loss.model_dump(), "how": cause.loss.how.name}


def _by_gang(ranks: list[RankEntry]) -> list[list[RankEntry]]:
    gangs: dict[str, list[RankEntry]] = {}
    for rank in ranks:
        gangs.setdefault(rank.gang, []).append(rank)
    return list(gangs.values())


def _table(number: int, ranks: list[RankEntry]) -> Table:
    missing = ranks[0].ranks - len(ranks)
    state = f", {missing} ranks missing" if missing else ""
    state += ", draining" if any(rank.draining for rank in ranks) else ""
    table = Table(
        title=f"gang {number} ({ranks[0].gang[:8]}){state}", title_justify="left", box=None
    )
    table.add_column("", no_wrap=True)
    for column in ("node", "requests", "KV tokens", "engine pid"):
        table.add_column(column)
    for rank in ranks:
        table.add_row(
            f"rank {rank.rank}: {held(rank)} of {rank.num_experts}",
            rank.node[:8],
            f"{rank.requests}, {rank.waiting_requests} waiting",
            f"{rank.kv_tokens:,}",
            str(rank.engine_pid),
        )
    return table


def held(rank: RankEntry) -> str:
    """Return the experts that all layers of a rank hold, as `experts 64–127`, or several ranges.

    Where experts are replicated, each layer holds others.
    """
    if not rank.experts:
        return "in each layer other experts"
    return "experts " + ", ".join(
        str(first) if first == last else f"{first}–{last}" for first, last in rank.experts
    )
