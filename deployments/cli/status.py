"""`small4 status`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from configs.errors import ClusterError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.errors import reported
from deployments.roster import RankEntry
from deployments.serve_api import ServeApi

out = Console(highlight=False)


def status(
    config: Annotated[Path, typer.Argument(help="The config that was served.")] = DEFAULT_CONFIG,
) -> None:
    """Show deployments, gangs and ranks, and which experts each rank's engine holds."""
    with reported():
        application = ServeFile.load(config).application
        state = ServeApi().status(application)
        if state is None:
            raise ClusterError(f"no application {application!r} is deployed: `small4 serve` does.")
        out.print(f"{application}: {state.status}")
        for one in state.deployments:
            out.print(f"  {one.name}: {one.running} of {one.wanted} running, {one.status}")
        for number, ranks in enumerate(_by_gang(_living(application)), start=1):
            out.print(_table(number, ranks))


def _living(application: str) -> list[RankEntry]:
    import ray
    from ray import serve

    ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    roster = serve.get_deployment_handle("Roster", application)
    ranks: list[RankEntry] = roster.living.remote().result(timeout_s=30)
    return ranks


def _by_gang(ranks: list[RankEntry]) -> list[list[RankEntry]]:
    gangs: dict[str, list[RankEntry]] = {}
    for rank in ranks:
        gangs.setdefault(rank.gang, []).append(rank)
    return list(gangs.values())


def _table(number: int, ranks: list[RankEntry]) -> Table:
    missing = ranks[0].ranks - len(ranks)
    state = f", {missing} ranks missing" if missing else ""
    table = Table(
        title=f"gang {number} ({ranks[0].gang[:8]}){state}", title_justify="left", box=None
    )
    table.add_column("", no_wrap=True)
    for column in ("node", "context", "KV cache", "engine pid"):
        table.add_column(column)
    for rank in ranks:
        table.add_row(
            f"rank {rank.rank}: experts {held(rank)} of {rank.num_experts}",
            rank.node[:8],
            f"{rank.max_model_len:,} tokens",
            f"{rank.kv_tokens:,} tokens",
            str(rank.engine_pid),
        )
    return table


def held(rank: RankEntry) -> str:
    """`64–127`, or several ranges: `0–3, 9`."""
    return ", ".join(
        str(first) if first == last else f"{first}–{last}" for first, last in rank.experts
    )
