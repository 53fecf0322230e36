"""`python -m deployments.bench.balance`: what balanced placement gives, in total and at steps."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from deployments.bench.balance.figures import STEPS, shifted, steps, totals
from deployments.bench.balance.traffic import EXPERTS, Kind, decode, kinds, prefill, recorded
from deployments.bench.balance.waste import Gang
from deployments.bench.machine import Machine
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.order import ExpertOrder, linear_order

out = Console(highlight=False, width=max(Console().width, 110))

_RANKS = 4, 8
_TIMED = (decode, 32), (decode, 128), (decode, 512), (prefill, 512), (prefill, 2048)
# On a CPU half of the real sizes each way: still more weights than its caches hold.
_SIZES = {"cuda": (4096, 2048), "cpu": (2048, 1024)}


def bench(
    questions: Annotated[int, typer.Option(min=2, help="Of each kind of traffic.")] = 50,
    timed: Annotated[int, typer.Option(min=0, help="Steps of each size to time; 0: none.")] = 2,
) -> None:
    """Record nano's experts by kind of traffic; measure orders of them, in total and at steps."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out.print(torch.cuda.get_device_name() if device == "cuda" else Machine.this().describe())
    traffic = kinds(questions)
    load = recorded(kind.choices for kind in traffic)
    by_number = linear_order(load.layers, load.experts)
    for ranks in _RANKS:
        orders = {
            "by number": by_number,
            "balanced": balanced_order(load, ranks),
            "1 replica a rank": balanced_order(load, ranks, replicas=1),
        }
        out.print(_balance_table(traffic, orders, ranks))
        out.print(_shifted_table(traffic, ranks))
    if timed:
        orders.pop("1 replica a rank")
        out.print(_waste_table(traffic, orders, ranks, device, timed))


def _balance_table(traffic: Sequence[Kind], orders: Mapping[str, ExpertOrder], ranks: int) -> Table:
    columns = [*orders, "even router"]
    table = _table(f"{ranks} ranks: busiest ÷ mean", "tokens", *columns)
    table.add_row(
        "all", *_figures(totals(recorded(k.choices for k in traffic), orders, ranks), columns)
    )
    for tokens in STEPS:
        for phase, figures in steps(traffic, orders, ranks, tokens).items():
            table.add_row(f"{phase}, {tokens} a step", *_figures(figures, columns))
    return table


def _shifted_table(traffic: Sequence[Kind], ranks: int) -> Table:
    table = _table(
        f"{ranks} ranks, in total, on two kinds of traffic that weren't recorded: busiest ÷ mean",
        *("order", "mean over pairs of kinds", "worst pair"),
    )
    for name, found in shifted(traffic, ranks).items():
        table.add_row(name, f"{found.mean:.2f}", f"{found.largest:.2f}")
    return table


def _waste_table(
    traffic: Sequence[Kind],
    orders: Mapping[str, ExpertOrder],
    ranks: int,
    device: str,
    timed: int,
) -> Table:
    gang = Gang(ranks, EXPERTS // ranks, *_SIZES[device], device)
    table = _table(
        f"{ranks} ranks' experts: slowest rank's time ÷ mean, and balanced step's ÷ by number's",
        *("tokens", *orders, "step's time ÷ by number's"),
    )
    for phase, tokens in _TIMED:
        wastes = gang.wastes(phase(traffic), orders, tokens, timed)
        change = wastes["balanced"].slowest_s / wastes["by number"].slowest_s
        ratios = (f"{waste.ratio:.2f}" for waste in wastes.values())
        table.add_row(f"{phase.__name__}, {tokens} a step", *ratios, f"{change:.2f}")
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _figures(figures: Mapping[str, float], columns: Sequence[str]) -> list[str]:
    return [f"{figures[name]:.2f}" if name in figures else "" for name in columns]


if __name__ == "__main__":
    typer.run(bench)
