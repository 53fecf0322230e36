"""Runs a comparison: starts the servers, lets them take turns, stops them."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from configs.errors import BenchError
from configs.serve_file import ServeFile
from deployments.bench import launch
from deployments.bench.client import Client
from deployments.bench.comparison import Cell, Comparison
from deployments.bench.contender import Contender
from deployments.bench.server import Server
from deployments.bench.vllm_command import write_metadata
from deployments.bench.workload import Workload, prompts, warm_up
from deployments.ray_serve.rest_api import ServeApi
from model_shards.architecture import Architecture


class Progress(Protocol):
    """Shows what the bench is about to do."""

    def step(self, text: str) -> None: ...


def run(
    path: Path, rounds: int, streams: Sequence[int], directory: Path, progress: Progress
) -> Comparison:
    """Measure all servers in all rounds; leave logs in `directory`.

    Raises ConfigError, CheckpointError or BenchError if that isn't possible.
    """
    file = ServeFile.load(path)
    launch.require_one_rank(path, file)
    Architecture.load(file.deployment.checkpoint)
    if ServeApi().reachable():
        raise BenchError("a Ray is running on this machine, and the bench needs its own: stop it.")
    metadata = directory / "metadata"
    write_metadata(metadata)
    client = Client(file.deployment.checkpoint, metadata, directory)
    with contextlib.ExitStack() as stack:
        servers = []
        for contender in Contender:
            progress.step(f"starting {contender}")
            log = directory / f"{contender.slug}.log"
            how = _launch(contender, path, file, metadata)
            servers.append(stack.enter_context(Server.started(contender, how, log)))
        cells = list(_cells(servers, client, rounds, streams, progress))
        progress.step("stopping the servers")
    return Comparison(cells)


def _cells(
    servers: Sequence[Server],
    client: Client,
    rounds: int,
    streams: Sequence[int],
    progress: Progress,
) -> Iterator[Cell]:
    """Yield each round's cells: all servers with one number of streams, then with the next."""
    saturated_per_s = {}
    for server in servers:
        progress.step(f"warming up {server.contender}")
        with server.awake():
            name = f"{server.contender.slug}-warm-up"
            measurement = client.measure(server.launch, warm_up(), name)
        saturated_per_s[server.contender] = measurement.requests_per_s
    for number in range(1, rounds + 1):
        for concurrent in streams:
            for server in servers:
                count = prompts(concurrent, saturated_per_s[server.contender])
                name = f"{server.contender.slug}-{concurrent}-{number}"
                progress.step(
                    f"round {number} of {rounds}: {concurrent} streams, {server.contender}"
                )
                with server.awake():
                    workload = Workload(concurrent, count, seed=number)
                    measurement = client.measure(server.launch, workload, name)
                yield Cell(number, concurrent, server.contender, measurement)


def _launch(contender: Contender, path: Path, file: ServeFile, metadata: Path) -> launch.Launch:
    if contender is Contender.SMALL4:
        return launch.small4_launch(path, file)
    parsers = contender is Contender.FLAGGED
    return launch.vllm_launch(file, _free_port(), metadata, parsers=parsers)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
