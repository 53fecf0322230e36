"""`python -m deployments.bench.autoscale`: a scenario on real gangs, beside its simulation."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import ray
import typer
from rich.console import Console

from configs.errors import BenchError
from configs.scenario import Scenario
from configs.schema import PROJECT_ROOT
from deployments.bench.autoscale.playing import Playing
from deployments.bench.autoscale.watching import Watching
from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.local_config import local_config
from deployments.bench.machine import Machine
from deployments.bench.served import Served
from deployments.ray_serve.handle import handle
from deployments.simulation.arrivals import arrivals
from deployments.simulation.outcome import Outcome
from deployments.simulation.plot import plot
from deployments.simulation.simulation import simulate
from deployments.simulation.summary import summary
from deployments.simulation.table import simulation_table

_SCENARIO = PROJECT_ROOT / "configs" / "scenarios" / "ramp-and-burst.yaml"
_NEAR = 0.15  # how far a prediction of goodput may be off

out = Console(highlight=False, width=110)


def bench(
    scenario: Annotated[Path, typer.Argument(help="What to play.")] = _SCENARIO,
) -> None:
    """Play a scenario on gangs of nano; fails if a request does, or the simulation is far off."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    with reported(out):
        played = Scenario.load(scenario)
        served = Served(_config(played), BENCH_DIRECTORY / "autoscale.yaml")
        try:
            served.start()
            real, measured, failed = asyncio.run(_play(played))
        finally:
            ray.shutdown()  # else the end of Ray is logged as an error again and again
            served.stop()
        _report(real, simulate(measured), scenario.stem, failed)


async def _play(scenario: Scenario) -> tuple[Outcome, Scenario, list[str]]:
    """Return the outcome, the scenario with the gang as measured, and the failures.

    Raises BenchError if the ranks have timed no steps.
    """
    requests = arrivals(scenario.traffic)
    playing = Playing(requests)
    scaler = handle("small4", "Scaler")
    watching = Watching(scaler, playing, scenario.autoscaling.interval_s)
    watch = asyncio.create_task(watching.run())
    await playing.run()
    await asyncio.sleep(max(0.0, scenario.traffic.ends_s - playing.now_s))
    watch.cancel()
    if (capacity := watching.capacity) is None or capacity.step is None:
        raise BenchError("the ranks have timed no steps: is the scenario longer than a minute?")
    update = {
        "step": scenario.gang.step.model_copy(update=asdict(capacity.step)),
        "start_s": capacity.start_s,
    }
    gang = scenario.gang.model_copy(update=update)
    outcome = Outcome(scenario, requests, watching.looks, watching.gang_s)
    return outcome, scenario.model_copy(update={"gang": gang}), playing.failed


def _report(real: Outcome, predicted: Outcome, title: str, failed: list[str]) -> None:
    gang = predicted.scenario.gang
    out.print(
        f"a step: {1000 * gang.step.base_s:.2f} ms, {1000 * gang.step.sequence_s:.2f} more for "
        f"each sequence, {1e6 * gang.step.prefill_token_s:.0f} µs for each token of prompts; "
        f"a gang was up after {gang.start_s:.0f} s"
    )
    runs = {"measured": summary(real), "simulated": summary(predicted)}
    out.print(simulation_table(runs))
    for outcome, name in ((real, "measured"), (predicted, "simulated")):
        picture = BENCH_DIRECTORY / f"{title}-{name}.png"
        plot(outcome, picture, f"{title}, {name}")
        out.print(f"picture: {picture}")
    ratio = runs["simulated"].goodput_per_s / max(1e-9, runs["measured"].goodput_per_s)
    out.print(f"simulated goodput ÷ measured: {ratio:.2f}")
    if failed:
        raise BenchError(f"{len(failed)} requests failed: {'; '.join(failed[:5])}")
    if abs(ratio - 1) > _NEAR:
        raise BenchError(f"the simulation's goodput is off by more than {_NEAR:.0%}")


def _config(scenario: Scenario) -> dict[str, Any]:
    """Return the local config with the scenario's gangs and policies."""
    raw = local_config()
    args = raw["applications"][0]["args"]
    args["gangs"] = {
        "ranks": scenario.gang.ranks,
        "autoscaling": scenario.autoscaling.model_dump(),
    }
    args["admission"] = scenario.admission.model_dump()
    args["survival"] = scenario.survival.model_dump()
    for name in ("max_num_seqs", "max_num_batched_tokens"):
        args["engine"][name] = getattr(scenario.gang, name)
    return raw


if __name__ == "__main__":
    typer.run(bench)
