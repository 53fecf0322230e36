"""`small4 shard split` and `small4 shard verify`: cut a checkpoint, and check the shard set."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from deployments.cli.balance_table import balance_table
from deployments.cli.byte_bar import ByteBar
from deployments.cli.errors import err, reported
from model_shards.architecture import Architecture
from model_shards.placement.balance import changes
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import ExpertOrder, linear_order

Placement = Literal["linear", "balanced"]


def split(  # noqa: PLR0913, PLR0917 - a command's options
    source: Annotated[
        Path, typer.Option(help="A checkpoint in Mistral format.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Made if missing.", show_default=False)],
    expert_parallel: Annotated[
        int,
        typer.Option(help="Groups of experts; ranks of every size that divides it can read them."),
    ],
    placement: Annotated[
        Placement, typer.Option(help="Experts as they are, or so that the groups' load is even.")
    ] = "linear",
    expert_load: Annotated[
        Path | None, typer.Option(help="How often each expert was chosen, for balanced.")
    ] = None,
    draft: Annotated[
        Path | None, typer.Option(help="A draft head in Mistral format, which goes along whole.")
    ] = None,
) -> None:
    """Cut a checkpoint so that each rank reads the base and its own experts only.

    An interrupted split goes on where it was when it is started again.
    """
    from model_shards.shard_set.split import split as cut

    if (placement == "balanced") != (expert_load is not None):
        raise typer.BadParameter("--placement balanced and --expert-load need each other")
    with reported():
        load, order = _order(source, expert_parallel, expert_load)
        with ByteBar() as meter:
            manifest = cut(source, out, order, expert_parallel, meter, draft=draft)
    typer.echo(
        f"{out}: whole, {len(manifest.files)} files; {meter.moved_bytes / 1e6:.1f} MB written, "
        f"{meter.spared_bytes / 1e6:.1f} MB were there already"
    )
    if load is not None:
        Console(highlight=False).print(balance_table(changes(load, order, expert_parallel)))


def _order(
    source: Path, groups: int, expert_load: Path | None
) -> tuple[ExpertLoad | None, ExpertOrder]:
    architecture = Architecture.load(source)
    layers, experts = architecture.n_layers, architecture.moe.num_experts
    if expert_load is None:
        return None, linear_order(layers, experts)
    load = ExpertLoad.load(expert_load, layers, experts)
    return load, balanced_order(load, groups)


def verify(
    directory: Annotated[Path, typer.Argument(help="A shard set.", show_default=False)],
) -> None:
    """Read a whole set; name every file that is missing, short, long or altered."""
    from model_shards.shard_set.verify import verify as faults_of

    with reported(), ByteBar() as meter:
        faults = faults_of(directory, meter)
    for fault in faults:
        typer.echo(f"{fault.name}: {fault.what}")
    if faults:
        err.print(
            f"{directory}: {len(faults)} files aren't as the manifest says. Delete them, and pull "
            "or split again: either makes only what is missing",
            style="bold red",
        )
        raise typer.Exit(1)
    typer.echo(f"{directory}: whole; {meter.moved_bytes / 1e6:.1f} MB as the manifest says")
