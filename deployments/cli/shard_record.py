"""`small4 shard record`: how often live traffic chooses each expert."""

import re
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from configs.deployment import Deployment
from configs.errors import ClusterError, ConfigError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.errors import reported
from deployments.ray_serve.handle import handle
from deployments.ray_serve.rest_api import ServeApi
from deployments.shard.recording import RankCount
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.placement.order import ExpertOrder

out = Console(highlight=False, soft_wrap=True)

_ASK_EVERY_S = 2
_LEASE_S = 60  # how long ranks go on counting when nobody asks any more
_ANSWER_S = 30
_UNITS_S = {"s": 1, "m": 60, "h": 3600}

Counts = dict[str, RankCount]
"""Each replica's last count, by replica: it isn't lost if the replica dies."""


def duration_s(text: str) -> float:
    """Return the seconds of a time such as `90s`, `10m` or `2h`.

    Raises typer.BadParameter if the text is no such time.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} isn't a time: give it as 90s, 10m or 2h")
    return float(match[1]) * _UNITS_S[match[2]]


def record(
    config: Annotated[Path, typer.Argument(help="The config that was served.")] = DEFAULT_CONFIG,
    for_s: Annotated[
        float, typer.Option("--for", parser=duration_s, metavar="TIME", help="As 90s, 10m or 2h.")
    ] = "10m",  # type: ignore[assignment]  # typer parses it
    to: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="Where to write; replaced if it exists.")
    ] = Path(EXPERT_LOAD),
) -> None:
    """Count how often each expert is chosen, from live traffic: for a balanced placement.

    Counts every token that the ranks compute, prompts included. Ctrl-C ends it early.
    """
    with reported():
        if not to.absolute().parent.is_dir():
            raise ConfigError(f"--out: {to.absolute().parent} isn't a directory: make it first")
        file = ServeFile.load(config)
        shards, order = _shards(file), expert_order(file.deployment)
        counts = _counted(shards, for_s)
        if not (tokens := sum(count.tokens for count in counts.values())):
            raise ClusterError("no request came meanwhile, so nothing was counted or written.")
        load = total(counts.values())
        if order is not None:
            load = load.by_expert(order)
        load.write(to)
    out.print(f"{to}: the experts of {tokens:,} tokens, in {load.layers} layers of {load.experts}")


def total(counts: Iterable[RankCount]) -> ExpertLoad:
    """Add up the counts of all ranks.

    Each rank counts its own requests' tokens, whichever rank holds the experts.
    """
    layers = zip(*(count.chosen for count in counts), strict=True)
    return ExpertLoad(tokens=tuple(tuple(map(sum, zip(*layer, strict=True))) for layer in layers))


def expert_order(deployment: Deployment) -> ExpertOrder | None:
    """Return the order of the served shard set; None if ranks count experts by their numbers.

    They do so without a set, and with a set that has replicas: its gates have the source's order,
    and ranks count before an expert's copy is chosen.
    """
    from model_shards.loading.open_set import open_set

    weights = deployment.weights
    if weights.source is None:
        return None
    manifest = open_set(weights.source, weights.cache, weights.cache_limits).manifest
    return None if manifest.replicas else manifest.expert_order


def _shards(file: ServeFile) -> Any:
    from deployments.shard.deployment import shard_deployment_name

    name = shard_deployment_name(file.deployment.gangs.ranks)
    state = ServeApi().status(file.application)
    if state is None or name not in (deployment.name for deployment in state.deployments):
        raise ClusterError(
            f"no {name} is deployed: `small4 serve {file.path}` does, or name the config that was."
        )
    return handle(state.name, name)


def _counted(shards: Any, for_s: float) -> Counts:
    recording, counts = uuid.uuid4().hex, Counts()
    end_s = time.monotonic() + for_s
    try:
        _ask(shards, recording, _LEASE_S, counts)
        out.print(f"Recording on {len(counts)} ranks; Ctrl-C ends it early.")
        with out.status("") as status:
            while (left_s := end_s - time.monotonic()) > 0:
                tokens = sum(count.tokens for count in counts.values())
                status.update(f"{tokens:,} tokens, {left_s:.0f} s left")
                time.sleep(min(_ASK_EVERY_S, left_s))
                _ask(shards, recording, _LEASE_S, counts)
    except KeyboardInterrupt:
        pass
    finally:
        _ask(shards, recording, 0, counts)
    return counts


def _ask(shards: Any, recording: str, lease_s: float, counts: Counts) -> None:
    answers = shards.broadcast("count_experts", recording, lease_s)
    for answer in answers.results(timeout_s=_ANSWER_S, return_exceptions=True):
        if isinstance(answer, Exception):
            continue  # its gang is restarting, and counts when it is back
        if answer.refusal:
            raise ClusterError(f"a rank can't record: {answer.refusal}")
        counts[answer.replica] = answer
