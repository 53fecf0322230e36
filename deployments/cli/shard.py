"""`small4 shard`: checkpoints cut by what each rank reads."""

import typer

from deployments.cli import shard_cache
from deployments.cli.shard_record import record
from deployments.cli.shard_show import show
from deployments.cli.shard_split import split, verify
from deployments.cli.shard_store import pull, push

app = typer.Typer(help="Checkpoints cut by what each rank reads.", no_args_is_help=True)
app.command()(split)
app.command()(verify)
app.command()(show)
app.command()(push)
app.command()(pull)
app.command()(record)
app.add_typer(shard_cache.app, name="cache")
