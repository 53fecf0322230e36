"""`python -m deployments.bench.restart`: how soon a gang is back whose engine died."""

import statistics
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.comparison import Spread
from deployments.bench.local_config import local_config
from deployments.bench.machine import Machine
from deployments.bench.restart.gang import Gang
from deployments.bench.restart.killing import Back, back, first_token
from deployments.bench.served import Served

out = Console(highlight=False, width=110)

_PHASES = ("new replicas", "engine cores begin", "vLLM is loaded", "first token")


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Deployments with and without.")] = 1,
    kills: Annotated[int, typer.Option(min=1, help="In each deployment.")] = 2,
    rest_s: Annotated[
        float, typer.Option(min=0, help="Before each kill: more than a gang takes to start.")
    ] = 30,
) -> None:
    """Kill an engine core of a gang of two ranks of nano, with `survival.warm` and without."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    with reported(out):
        pairs = [
            pair
            for _ in range(rounds)
            for pair in zip(
                _measured(kills, rest_s, warm=True),
                _measured(kills, rest_s, warm=False),
                strict=True,
            )
        ]
    table = Table("seconds (medians)", *_PHASES, "in all")
    for name, backs in zip(("warm", "not warm"), zip(*pairs, strict=True), strict=True):
        phases = zip(*(one.phases() for one in backs), strict=True)
        medians = [statistics.median(phase) for phase in phases]
        table.add_row(name, *(f"{median:.1f}" for median in medians), _total(backs))
    out.print(table)
    ratio = Spread.of(warm.token_s / cold.token_s for warm, cold in pairs)
    out.print(f"warm ÷ not warm: {ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})")


def _measured(kills: int, rest_s: float, *, warm: bool) -> list[Back]:
    served = Served(_config(warm=warm), BENCH_DIRECTORY / "restart.yaml")
    try:
        served.start()
        first_token()
        out.print(f"warm: {warm}; processes of both ranks: {Gang.now().memory_mib():,.0f} MiB")
        backs = []
        for _ in range(kills):
            time.sleep(rest_s)
            backs.append(back())
            times = ", ".join(f"{phase:.1f}" for phase in backs[-1].phases())
            out.print(f"  back after {backs[-1].token_s:.1f} s: {times}")
        out.print(f"  processes of both ranks: {Gang.now().memory_mib():,.0f} MiB")
    finally:
        served.stop()
    return backs


def _total(backs: tuple[Back, ...]) -> str:
    spread = Spread.of(one.token_s for one in backs)
    return f"{spread.median:.1f} ({spread.low:.1f}–{spread.high:.1f})"


def _config(*, warm: bool) -> dict[str, Any]:
    raw = local_config()
    raw["applications"][0]["args"]["survival"]["warm"] = warm
    return raw


if __name__ == "__main__":
    typer.run(bench)
