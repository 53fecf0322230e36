"""`small4 shard show`: what a shard set holds, and what each rank reads of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.cli.balance_table import balance_table
from deployments.cli.errors import reported
from model_shards.architecture import Architecture
from model_shards.placement.balance import changes
from model_shards.placement.expert_load import ExpertLoad
from model_shards.shard_set.holding import Holding
from model_shards.shard_set.manifest import Manifest, ShardFile

out = Console(highlight=False)


def show(
    directory: Annotated[Path, typer.Argument(help="A shard set.", show_default=False)],
    expert_parallel: Annotated[
        int | None, typer.Option(help="Show each rank of this size [default: all sizes].")
    ] = None,
    expert_load: Annotated[
        Path | None,
        typer.Option(help="Show how even the ranks are, by how often each expert was chosen."),
    ] = None,
) -> None:
    """Show what a set holds, and how many bytes each rank reads."""
    with reported():
        manifest = Manifest.load(directory)
        holding = Holding.load(directory, manifest)
        balance = None if expert_load is None else _balance(directory, manifest, expert_load)
        ranks = None if expert_parallel is None else _ranks(manifest, expert_parallel)
    source = manifest.source
    out.print(f"source: {source.name}, identity {source.identity}", markup=False, soft_wrap=True)
    out.print(
        f"experts: {manifest.num_experts} in each of {len(manifest.expert_order)} layers, "
        f"{len(manifest.groups)} groups, placement {manifest.placement}{_replicas(manifest)}"
    )
    if not holding.whole:
        out.print(f"here: {holding}; the tables below are of the whole set")
    out.print(_contents(manifest))
    out.print(ranks or _sizes(manifest))
    if balance is not None:
        out.print(balance)


def _replicas(manifest: Manifest) -> str:
    each = manifest.replicas // len(manifest.groups)
    return f", {each} of each group's slots for replicas" if each else ""


def _balance(directory: Path, manifest: Manifest, path: Path) -> Table:
    order, top_k = manifest.expert_order, Architecture.load(directory).moe.num_experts_per_tok
    load = ExpertLoad.load(path, len(order), manifest.num_experts)
    return balance_table(changes(load, order, len(manifest.groups), top_k))


def _contents(manifest: Manifest) -> Table:
    table = _table("", "files", "bytes")
    experts = [file for group in manifest.groups for file in group]
    parts = {"companions": manifest.companions, "base": manifest.base, "experts": experts}
    if manifest.draft:
        parts["draft head"] = manifest.draft
    for name, files in (parts | {"all": manifest.files}).items():
        table.add_row(name, f"{len(files)}", f"{_bytes(files):,}")
    return table


def _sizes(manifest: Manifest) -> Table:
    """Return a table with a row for each size.

    Ranks differ slightly, by the tensor names in their files: the largest number is shown.
    """
    table = _table("expert-parallel ranks", "experts of each", "bytes that each reads", "of all")
    groups = len(manifest.groups)
    for size in range(1, groups + 1):
        if groups % size == 0:
            read = max(_bytes(manifest.weights_of([rank], size)) for rank in range(size))
            table.add_row(
                f"{size}",
                f"{manifest.slots // size}",
                f"{read:,}",
                f"{read / _bytes(manifest.weights_of(range(size), size)):.1%}",
            )
    return table


def _ranks(manifest: Manifest, expert_parallel: int) -> Table:
    table = _table("rank", "groups", "experts at", "files", "bytes that it reads")
    for rank in range(expert_parallel):
        groups = manifest.groups_of(rank, expert_parallel)
        share = manifest.slots // len(manifest.groups)
        files = manifest.weights_of([rank], expert_parallel)
        table.add_row(
            f"{rank}",
            _span(groups.start, groups.stop),
            _span(groups.start * share, groups.stop * share),
            f"{len(files)}",
            f"{_bytes(files):,}",
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _span(start: int, stop: int) -> str:
    return f"{start}" if stop == start + 1 else f"{start}–{stop - 1}"


def _bytes(files: Iterable[ShardFile]) -> int:
    return sum(file.size_bytes for file in files)
