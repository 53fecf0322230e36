"""`python -m deployments.bench.readers`: memory held for clients that don't read their streams."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console

from deployments.bench.command import BENCH_DIRECTORY, reported
from deployments.bench.local_config import local_config
from deployments.bench.machine import Machine
from deployments.bench.readers.crowd import crowd
from deployments.bench.readers.memory import Memory
from deployments.bench.served import Served

out = Console(highlight=False, width=110)


def bench(
    readers: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 200,
    tokens: Annotated[int, typer.Option(min=1, help="Of each answer.")] = 400,
    top_logprobs: Annotated[int, typer.Option(min=0, help="With each token.")] = 0,
    unread_tokens: Annotated[int, typer.Option(min=1, help="limits.unread_tokens")] = 65536,
) -> None:
    """Measure what is held when all answers are there: of clients that read, then of others."""
    out.print(Machine.this().describe())
    BENCH_DIRECTORY.mkdir(parents=True, exist_ok=True)
    served = Served(_config(tokens, unread_tokens), BENCH_DIRECTORY / "readers.yaml")
    body = {
        "model": Served.model,
        "messages": [{"role": "user", "content": "Go on about many things."}],
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        **({"logprobs": True, "top_logprobs": top_logprobs} if top_logprobs else {}),
    }
    try:
        with reported(out):
            served.start()
            for reads in (True, False, True, False):
                held = asyncio.run(_held(readers, reads, body))
                what = "that read" if reads else "that don't"
                out.print(
                    f"{readers} clients {what}, {tokens} tokens each, MiB more than before: "
                    f"router {held.router:.0f}, HAProxy {held.haproxy:.1f}, "
                    f"sockets {held.sockets:.0f}"
                )
    finally:
        served.stop()


async def _held(readers: int, reads: bool, body: dict[str, Any]) -> Memory:
    before = Memory.now()
    async with crowd(readers, reads, body):
        return Memory.now().above(before)


def _config(tokens: int, unread_tokens: int) -> dict[str, Any]:
    raw = local_config()
    args = raw["applications"][0]["args"]
    args["gangs"]["ranks"] = 1
    args["engine"]["max_model_len"] = max(args["engine"]["max_model_len"], tokens + 256)
    args["limits"] = {"unread_tokens": unread_tokens}
    return raw


if __name__ == "__main__":
    typer.run(bench)
