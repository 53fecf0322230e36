"""`python -m deployments.bench.fairness`: TTFT of one key beside another's thousand requests."""

import multiprocessing
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
import yaml
from rich.console import Console

from configs.errors import BenchError
from configs.keys import Key, hashed
from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.comparison import Spread
from deployments.bench.fairness.sending import at_once, one_by_one
from deployments.bench.local_config import local_config
from deployments.bench.machine import Machine
from deployments.bench.served import Served
from deployments.bench.stream import Stream

_MANY, _FEW = "many", "few"  # keys; also their secrets
_ANSWER_TOKENS = 32

out = Console(highlight=False, width=110)


class Found(NamedTuple):
    """Times of one round, in milliseconds."""

    idle_ttft: float
    busy_ttft: float
    step: float  # the mean of those that requests meet

    @property
    def ratio(self) -> float:
        """The busy TTFT over 1.5 times the idle TTFT and a step.

        Below 1, the crowd costs a request less than half of its TTFT and a step.
        """
        return self.busy_ttft / (1.5 * self.idle_ttft + self.step)


def bench(
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    crowd: Annotated[int, typer.Option(min=1, help="Requests that one key has at once.")] = 1000,
    requests: Annotated[int, typer.Option(min=1, help="Of the other, one after another.")] = 20,
) -> None:
    """Measure TTFT of a key's single requests, alone and beside another key's crowd."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    served = Served(_config(BENCH_DIRECTORY), BENCH_DIRECTORY / "fairness.yaml")
    results = []
    try:
        with reported(out):
            served.start()
            one_by_one(_FEW, requests, pause_s=0, seed=0)
            for number in range(1, rounds + 1):
                results.append(_round(crowd, requests, number))
                out.print(f"round {number}: {results[-1]}, ratio {results[-1].ratio:.2f}")
    finally:
        served.stop()
    ratio = "{:.2f} ({:.2f}-{:.2f})".format(*Spread.of(result.ratio for result in results))
    out.print(f"TTFT p50 beside {crowd} requests, of 1.5 times that alone and a step: {ratio}")


def _round(crowd: int, requests: int, number: int) -> Found:
    idle = one_by_one(_FEW, requests, pause_s=0.1, seed=2 * number)
    with multiprocessing.Manager() as manager, ProcessPoolExecutor(1) as pool:
        begun: Any = manager.Event()
        many = pool.submit(at_once, _MANY, crowd, _ANSWER_TOKENS, begun)
        begun.wait()
        busy = one_by_one(_FEW, requests, pause_s=0.5, seed=2 * number + 1)
        if many.done():
            raise BenchError("the crowd was served before the other key's requests: raise --crowd.")
        gaps_s = [gap_s for stream in many.result() for gap_s in stream.gaps_s()]
    return Found(_ttft_ms(idle), _ttft_ms(busy), 1000 * met_step_s(gaps_s))


def met_step_s(steps_s: Sequence[float]) -> float:
    """Return the mean of the steps that requests meet.

    Requests come at any time, so they meet a long step more likely than a short one.
    """
    return sum(step_s**2 for step_s in steps_s) / sum(steps_s)


def _ttft_ms(streams: list[Stream]) -> float:
    return 1000 * statistics.median(stream.ttft_s for stream in streams)


def _config(directory: Path) -> dict[str, Any]:
    """Return the local config with one rank and two keys; write the keys file."""
    keys = [Key(name=name, sha256=hashed(name)).model_dump(by_alias=True) for name in (_MANY, _FEW)]
    keys_file = directory / "fairness-keys.yaml"
    keys_file.write_text(yaml.safe_dump({"keys": keys}), encoding="utf-8")
    raw = local_config()
    args = raw["applications"][0]["args"]
    args["gangs"]["ranks"] = 1
    args["access"] = {"keys_file": str(keys_file)}
    return raw


if __name__ == "__main__":
    typer.run(bench)
