"""`small4 status`: deployments, gangs and ranks, as they are now."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from configs.errors import ClusterError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.errors import reported
from deployments.losses import Cause
from deployments.ray_serve.handle import handle
from deployments.ray_serve.rest_api import ServeApi, stands_for
from deployments.wire.rank_entry import RankEntry

out = Console(highlight=False)

_MOST_CAUSES = 5
_SECRET = {"server_public", "client_public", "client_secret"}


def status(
    config: Annotated[Path, typer.Argument(help="The config that was served.")] = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show deployments, gangs and ranks, and which experts each rank's engine holds."""
    with reported():
        file = ServeFile.load(config)
        api = ServeApi()
        state = api.status(file.application)
        if state is None:
            raise ClusterError(
                f"no application {file.application!r} is deployed: `small4 serve` does."
            )
        application = state.name
        ranks = _living(application)
        causes = _causes(application)
        scaling = _scaling(application) if file.deployment.gangs.autoscaling else None
        if as_json:
            shown = {
                **state.model_dump(),
                "ranks": [rank.model_dump(exclude=_SECRET) for rank in ranks],
                "scaling": scaling,
                "lost": [_shown(cause) for cause in causes],
            }
            typer.echo(json.dumps(shown, default=str))
            return
        out.print(f"{application}: {state.status}")
        for name, other in api.applications().items():
            if stands_for(name, file.application) and name != application:
                out.print(f"beside it, by a roll: {name}: {other.status}")
        for deployment in state.deployments:
            replicas = f"{deployment.running} of {deployment.wanted} running"
            out.print(f"  {deployment.name}: {replicas}, {deployment.status}")
        if scaling is not None:
            counts = (f"{scaling[name]} {name}" for name in ("up", "starting", "draining"))
            out.print(f"  gangs: {', '.join(counts)}; {scaling['reason']}", markup=False)
        for number, gang in enumerate(_by_gang(ranks), start=1):
            out.print(_table(number, gang))
            for rank in gang:
                if rank.refused:
                    out.print(f"  rank {rank.rank} isn't used: {rank.refused}", markup=False)
        for cause in causes[:_MOST_CAUSES]:
            lost = cause.loss
            where = f"gang {lost.gang[:8]}, by rank {lost.rank} on {lost.node}"
            out.print(f"lost {cause.at_s:.0f} s ago: {where}: {lost.doing}", markup=False)


def _living(application: str) -> list[RankEntry]:
    ranks: list[RankEntry] = handle(application, "Roster").living.remote().result(timeout_s=30)
    return ranks


def _causes(application: str) -> list[Cause]:
    """Return why gangs were lost, the latest first."""
    causes: list[Cause] = handle(application, "Roster").causes.remote().result(timeout_s=30)
    return causes


def _shown(cause: Cause) -> dict[str, Any]:
    return {"seconds_ago": cause.at_s, **cause.loss.model_dump(), "how": cause.loss.how.name}


def _scaling(application: str) -> dict[str, Any] | None:
    """Return the scaler's last view of the gangs and its decision, or None if it has none yet."""
    seen, decision = handle(application, "Scaler").state.remote().result(timeout_s=30)
    if seen is None or decision is None:
        return None
    return {**asdict(seen.gangs), "wanted": decision.gangs, "reason": decision.reason}


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
            f"rank {rank.rank}: experts {held(rank)} of {rank.num_experts}",
            rank.node[:8],
            f"{rank.requests}, {rank.waiting_requests} waiting",
            f"{rank.kv_tokens:,}",
            str(rank.engine_pid),
        )
    return table


def held(rank: RankEntry) -> str:
    """Return the experts that a rank holds, as `64–127`, or as several ranges: `0–3, 9`."""
    return ", ".join(
        str(first) if first == last else f"{first}–{last}" for first, last in rank.experts
    )
