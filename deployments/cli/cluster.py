"""`small4 cluster`: machines described once, and what follows from them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.plan.plan import Plan
from cluster.plan.planner import plan as planned
from configs.cluster_manifest import ClusterManifest
from deployments.cli.cluster_render import render
from deployments.cli.cluster_table import TABLE_WIDTH, report
from deployments.cli.errors import reported
from deployments.model_spec import model_spec

app = typer.Typer(help="Machines described once, and what follows from them.", no_args_is_help=True)
out = Console(highlight=False)


@app.command()
def plan(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Machines, such as those in configs/clusters/.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check that the model fits the machines, and say what it will do there."""
    with reported():
        manifest = ClusterManifest.load(file)
        found = planned(manifest, model_spec(manifest.serving.params))
    if as_json:
        typer.echo(json.dumps(_told(found)))
    else:
        wide = Console(highlight=False, width=max(out.width, TABLE_WIDTH))
        wide.print(*report(found, manifest), sep="\n")


app.command()(render)


def _told(found: Plan) -> dict[str, object]:
    """Its fields, and what is computed from them."""
    memory = asdict(found.memory) | {"kv_tokens": found.memory.kv_tokens}
    return asdict(found) | {"memory": memory}
