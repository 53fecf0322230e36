"""`small4 cluster render`: the files that a cluster is started with."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.plan.planner import plan
from cluster.render.next_steps import next_steps
from cluster.render.render import render as rendered
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError
from deployments.cli.cluster_refusals import refuse_unloadable
from deployments.cli.errors import reported
from deployments.model_spec import model_spec

out = Console(highlight=False, soft_wrap=True)


def render(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Machines, such as those in configs/clusters/.")
    ],
    directory: Annotated[Path, typer.Option("--out", metavar="DIR", help="Made if missing.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also files that were changed since.")
    ] = False,
) -> None:
    """Write what `ray up`, Ray Serve or Kubernetes need for a cluster."""
    with reported():
        manifest = ClusterManifest.load(file)
        layout = plan(manifest, model_spec(manifest.serving.params)).layout
        refuse_unloadable(manifest, layout)
        files = rendered(manifest, layout)
        _write(files, directory, overwrite)
    out.print(f"{directory}: {', '.join(sorted(files))}")
    out.print("Next:")
    for purpose, command in next_steps(manifest, str(directory)):
        out.print(f"  [dim]# {purpose}[/]")
        out.print(f"  {command}", markup=False)


def _write(files: dict[str, str], directory: Path, overwrite: bool) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            if not overwrite and path.exists() and path.read_text("utf-8") != text:
                raise ConfigError(
                    f"{path} is there already, and says something else: give another --out, or "
                    "--overwrite if your changes may go"
                )
        for name, text in files.items():
            (directory / name).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"--out {directory} can't be written: {error}") from error
