"""`small4 serve` changes the number of routers while clients read streams and wait for a gang.

Each change starts another HAProxy, and with another config the gang is replaced, too. The
environment of these tests asks for a HAProxy that cuts what is left of a reload (`conftest.py`).
"""

import asyncio
import contextlib
import time
from pathlib import Path

import openai
import pytest

from cluster.running_haproxy import cuts_s, running_config
from configs.request_limits import RequestLimits
from tests.system.served.clients.asking import QUESTION, ask, client
from tests.system.served.clients.serving import LONG, config
from tests.system.served.deployed import HARD_STOP_S, MODEL, Deployed

_STREAMS = 2

pytestmark = pytest.mark.timeout(600)


def test_nothing_that_runs_cuts_a_request_that_is_allowed(deployed: Deployed) -> None:
    running = running_config()
    assert running is not None
    cuts = cuts_s(running)
    assert {"hard-stop-after", "timeout client", "timeout server"} <= set(cuts)
    assert min(cuts.values()) >= RequestLimits().connection_s


def test_streams_and_waits_outlast_routers_that_come_and_go(
    deployed: Deployed, tmp_path: Path
) -> None:
    async def scene() -> tuple[list[int], list[float]]:
        over = asyncio.Event()
        streams = [asyncio.create_task(_stream(deployed, over)) for _ in range(_STREAMS)]
        waits = asyncio.create_task(_waits(deployed, over))
        for routers in (2, 1):
            file = config(tmp_path / f"{routers}.yaml", routers=routers, waiting=100)
            await asyncio.to_thread(Deployed.up, file)
            await asyncio.sleep(HARD_STOP_S + 2)  # what would be cut has been
        over.set()
        return await asyncio.gather(*streams), await waits

    tokens, waits_s = asyncio.run(scene())
    assert max(tokens) < LONG  # they go on still
    assert max(waits_s) > HARD_STOP_S  # one has waited for a gang


async def _stream(deployed: Deployed, over: asyncio.Event) -> int:
    """Read a long stream until all is over, and one token more; return how many there were."""
    tokens = 0
    async with client(deployed) as api:
        stream = await api.chat.completions.create(
            model=MODEL, messages=QUESTION, max_tokens=LONG, temperature=0, stream=True
        )
        async for chunk in stream:
            tokens += 1
            if over.is_set() and chunk.choices[0].delta.content:
                await stream.close()
                return tokens
    pytest.fail(f"a stream ended after {tokens} tokens")


async def _waits(deployed: Deployed, over: asyncio.Event) -> list[float]:
    """Ask again and again; return how long each answer took."""
    took_s = []
    while not over.is_set():
        begun_s = time.monotonic()
        async with client(deployed) as api:
            with contextlib.suppress(openai.RateLimitError):  # the line may be full, not cut
                await ask(api)
        took_s.append(time.monotonic() - begun_s)
        await asyncio.sleep(0.5)
    return took_s
