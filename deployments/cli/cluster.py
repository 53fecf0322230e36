"""`small4 cluster`: a plan, and files to start from, of machines that are described once."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.plan.plan import Plan
from cluster.plan.planner import plan as planned
from configs.cluster_manifest import ClusterManifest
from deployments.cli.cluster_refusals import refuse_unloadable
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
        cluster_plan = planned(manifest, model_spec(manifest.serving.params))
        refuse_unloadable(manifest, cluster_plan.layout)
    if as_json:
        typer.echo(json.dumps(_as_json(cluster_plan)))
    else:
        wide = Console(highlight=False, width=max(out.width, TABLE_WIDTH))
        wide.print(*report(cluster_plan, manifest), sep="\n")


app.command()(render)


def _as_json(cluster_plan: Plan) -> dict[str, object]:
    """Return the plan's fields, and what is computed from them."""
    memory = asdict(cluster_plan.memory) | {"kv_tokens": cluster_plan.memory.kv_tokens}
    return asdict(cluster_plan) | {"memory": memory}
