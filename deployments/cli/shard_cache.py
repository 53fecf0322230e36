"""`small4 shard cache`: the sets that this machine has fetched, and what may go."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from configs.weights import CacheLimits, Weights
from deployments.cli.errors import reported

app = typer.Typer(help="Shard sets that this machine has fetched from S3.", no_args_is_help=True)
out = Console(highlight=False, width=max(Console().width, 160))  # URLs are to be copied

_CACHE = Weights().cache
_LIMITS = CacheLimits()
Cache = Annotated[Path, typer.Option(help="`weights.cache` of the serve config.")]


@app.command("list")
def show(cache: Cache = _CACHE) -> None:
    """Show each set: its size, its last use, and where it is from."""
    from model_shards.store.cached_set import CachedSet
    from model_shards.store.lease import locked
    from model_shards.store.pruning import Usage

    table = Table("set", "GB", "last used", box=None)
    table.add_column("from", overflow="fold")
    with reported(), locked(cache):
        for usage in map(Usage.of, CachedSet.all(cache)):
            day = time.strftime("%Y-%m-%d", time.localtime(usage.used_s))
            table.add_row(
                usage.held.directory.name[:12],
                f"{usage.size_bytes / 1e9:.2f}",
                "in use" if usage.in_use else day,
                "\n".join(usage.held.urls),
            )
    out.print(table)


@app.command()
def prune(
    cache: Cache = _CACHE,
    unused_days: Annotated[
        float | None, typer.Option(min=0, help="Delete sets unused for so long; 0: all of them.")
    ] = _LIMITS.unused_days,
    gigabytes: Annotated[
        float | None, typer.Option(min=0, help="Delete the least recently used above this.")
    ] = _LIMITS.gigabytes,
) -> None:
    """Delete sets that no process uses, by age and size."""
    from model_shards.store.lease import locked
    from model_shards.store.pruning import prune as delete

    with reported(), locked(cache):
        going = delete(cache, CacheLimits(unused_days=unused_days, gigabytes=gigabytes))
    for usage in going:
        typer.echo(f"{usage.held.directory.name[:12]}: {usage.size_bytes / 1e9:.2f} GB deleted")
    typer.echo(f"{cache}: {len(going)} sets deleted")
