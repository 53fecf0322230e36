"""`small4 nano build`."""

from pathlib import Path
from typing import Annotated

import typer

from configs.deployment import PROJECT_ROOT
from deployments.cli.errors import reported

app = typer.Typer(help="The small model that stands in for the 119B one.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keeps `build` a subcommand while it is the only one."""


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Where to write; replaced if it holds a nano.")] = (
        PROJECT_ROOT / ".cache" / "nano"
    ),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Write the nano checkpoint, in Mistral format, with random weights."""
    from model_shards.nano import build_nano

    with reported():
        build_nano(out, seed)
    size_mb = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"nano: {size_mb:.1f} MB in {out}")
