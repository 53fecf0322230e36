"""`python -m deployments.bench.roll`: requests that fail, and TTFT, while `small4 roll` runs."""

import asyncio
import contextlib
import copy
import os
import statistics
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from configs.errors import BenchError
from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.comparison import Spread
from deployments.bench.local_config import local_config
from deployments.bench.machine import Machine
from deployments.bench.roll.arrivals import Arrivals
from deployments.bench.served import Served

_SMALL4 = str(Path(sys.executable).with_name("small4"))

_CLIENTS_NICE = -10

out = Console(highlight=False, width=110)


def bench(
    rolls: Annotated[int, typer.Option(min=1)] = 3,
    per_s: Annotated[float, typer.Option(min=0.1, help="Requests that come in a second.")] = 1.5,
    calm_s: Annotated[float, typer.Option(min=10, help="Undisturbed, before each roll.")] = 90,
) -> None:
    """Roll back and forth between two configs of the same weights, under traffic."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    configs = [_config(sequences) for sequences in (64, 63)]
    served, ratios = Served(configs[0], BENCH_DIRECTORY / "roll-served.yaml"), []
    try:
        with reported(out):
            served.start()
            _go_before_what_serves()
            for number in range(1, rolls + 1):
                calm, rolled = asyncio.run(_round(configs[number % 2], per_s, calm_s))
                ratios.append(_p99_ms(rolled) / _p99_ms(calm))
                for name, arrivals in (("undisturbed", calm), ("during the roll", rolled)):
                    out.print(f"roll {number}, {name}: {_described(arrivals)}")
    finally:
        served.stop()
    ratio = "{:.2f} ({:.2f}-{:.2f})".format(*Spread.of(ratios))
    out.print(f"TTFT p99 during a roll, of the undisturbed: {ratio}")


def _go_before_what_serves() -> None:
    """Keep the clients, which would be elsewhere, from waiting for a core; only root may do so."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _CLIENTS_NICE)
        # Linux schedules by sessions first.
        Path("/proc/self/autogroup").write_text(str(_CLIENTS_NICE), encoding="ascii")


async def _round(config: dict[str, Any], per_s: float, calm_s: float) -> tuple[Arrivals, Arrivals]:
    calm = Arrivals(per_s)
    await _during(calm, asyncio.sleep(calm_s))
    rolled = Arrivals(per_s, right=calm.right)
    await _during(rolled, _roll(config))
    return calm, rolled


async def _during(arrivals: Arrivals, work: Awaitable[None]) -> None:
    over = asyncio.Event()
    asking = asyncio.create_task(arrivals.until(over))
    try:
        await work
    finally:
        over.set()
        await asking


async def _roll(config: dict[str, Any]) -> None:
    path = BENCH_DIRECTORY / "roll.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    rolling = await asyncio.create_subprocess_exec(
        *("nice", "-n", str(-_CLIENTS_NICE), _SMALL4, "roll", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output, _ = await rolling.communicate()
    if rolling.returncode:
        raise BenchError(f"the roll failed: {output.decode()}")


def _p99_ms(arrivals: Arrivals) -> float:
    return 1000 * statistics.quantiles(arrivals.ttft_s, n=100, method="inclusive")[98]


def _described(arrivals: Arrivals) -> str:
    ttft_ms = 1000 * statistics.median(arrivals.ttft_s)
    failed = "".join(f"; {count} times {error}" for error, count in arrivals.failed.items())
    return (
        f"{len(arrivals.ttft_s)} answered, {arrivals.failed.total()} failed, {arrivals.wrong} "
        f"wrong, TTFT p50 {ttft_ms:.0f} ms, p99 {_p99_ms(arrivals):.0f} ms{failed}"
    )


def _config(sequences: int) -> dict[str, Any]:
    raw = copy.deepcopy(local_config())
    args = raw["applications"][0]["args"]
    args["gangs"]["ranks"] = 1
    args["engine"]["max_num_seqs"] = sequences
    return raw


if __name__ == "__main__":
    typer.run(bench)
