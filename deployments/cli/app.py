"""The subcommands of `small4`, joined into one application."""

import typer

from deployments.cli import autoscale, cluster, keys, nano, shard
from deployments.cli.demo import demo
from deployments.cli.roll import roll
from deployments.cli.serve import serve, stop
from deployments.cli.status import status

app = typer.Typer(
    name="small4",
    help="Serve Mistral Small 4 from expert-parallel gangs on a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(roll)
app.command()(status)
app.command()(demo)
app.command()(stop)
app.add_typer(nano.app, name="nano")
app.add_typer(keys.app, name="keys")
app.add_typer(shard.app, name="shard")
app.add_typer(autoscale.app, name="autoscale")
app.add_typer(cluster.app, name="cluster")
