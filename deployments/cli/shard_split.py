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
        list[Path] | None,
        typer.Option(
            help="How often each expert was chosen, for balanced. If given several times, each "
            "kind of traffic weighs as much as another."
        ),
    ] = None,
    replicas: Annotated[
        int,
        typer.Option(
            min=0,
            help="Slots of each group for copies of busy experts, for balanced; at most 5% more "
            "bytes. Several ranks then need GPUs.",
        ),
    ] = 0,
    draft: Annotated[
        Path | None, typer.Option(help="A draft head in Mistral format, which goes along whole.")
    ] = None,
) -> None:
    """Cut a checkpoint so that each rank reads the base and its own experts only.

    An interrupted split goes on where it was when it is started again.
    """
    from model_shards.shard_set.split import split as cut

    if (placement == "balanced") != bool(expert_load):
        raise typer.BadParameter("--placement balanced and --expert-load need each other")
    if replicas and not expert_load:
        raise typer.BadParameter("--replicas needs --placement balanced, with --expert-load")
    with reported():
        architecture = Architecture.load(source)
        load, order = _order(architecture, expert_parallel, expert_load or [], replicas)
        with ByteBar() as meter:
            manifest = cut(source, out, order, expert_parallel, meter, draft=draft)
    typer.echo(
        f"{out}: whole, {len(manifest.files)} files; {meter.moved_bytes / 1e6:.1f} MB written, "
        f"{meter.spared_bytes / 1e6:.1f} MB were there already"
    )
    if load is not None:
        top_k = architecture.moe.num_experts_per_tok
        Console(highlight=False).print(balance_table(changes(load, order, expert_parallel, top_k)))


def _order(
    architecture: Architecture, groups: int, expert_load: list[Path], replicas: int
) -> tuple[ExpertLoad | None, ExpertOrder]:
    layers, experts = architecture.n_layers, architecture.moe.num_experts
    if not expert_load:
        return None, linear_order(layers, experts)
    loads = [ExpertLoad.load(path, layers, experts) for path in expert_load]
    load = loads[0] if len(loads) == 1 else ExpertLoad.mean(loads)
    return load, balanced_order(load, groups, replicas)


def verify(
    directory: Annotated[Path, typer.Argument(help="A shard set.", show_default=False)],
) -> None:
    """Read all that a set holds; name every file that is missing, short, long or altered."""
    from model_shards.shard_set.holding import Holding
    from model_shards.shard_set.manifest import Manifest
    from model_shards.shard_set.verify import verify as faults_of

    with reported(), ByteBar() as meter:
        faults = faults_of(directory, meter)
        holding = Holding.load(directory, Manifest.load(directory))
    for fault in faults:
        typer.echo(f"{fault.name}: {fault.what}")
    if faults:
        err.print(
            f"{directory}: {len(faults)} files aren't as the manifest says. Delete them, and pull "
            "or split again: either makes only what is missing",
            style="bold red",
        )
        raise typer.Exit(1)
    held = "whole" if holding.whole else holding
    typer.echo(f"{directory}: {held}; {meter.moved_bytes / 1e6:.1f} MB as the manifest says")
