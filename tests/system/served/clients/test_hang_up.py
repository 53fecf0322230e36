"""A client that hangs up frees its place, whatever it asked for and wherever its request was.

The engine is full of answers that take minutes. Who asks next is answered at once only if those who
hung up were aborted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.system.served.clients.asking import QUESTION, ask, client, has_a_place, waits_in_line
from tests.system.served.clients.serving import LONG, SEQUENCES, WAITING
from tests.system.served.deployed import MODEL, Deployed

_FREED_S = 15  # a small part of what the answers would take
_CHAT = {"messages": QUESTION, "max_tokens": LONG, "temperature": 0}
_COMPLETION = {"prompt": "Go on", "max_tokens": LONG, "temperature": 0}
_TWO = {"n": 2, "temperature": 0.5, "ignore_eos": True}  # greedy ones would be the same
_BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": _CHAT,
    "chat/completions, n=2": {**_CHAT, **_TWO},
    "completions": _COMPLETION,
    "completions, n=2": {**_COMPLETION, **_TWO},
    "completions, two prompts": {**_COMPLETION, "prompt": ["Go on", "And on"]},
    "messages": _CHAT,
    "responses": {"input": "Go on for ever.", "max_output_tokens": LONG, "temperature": 0},
}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("asked", list(_BODIES))
def test_who_hangs_up_frees_the_engine(deployed: Deployed, asked: str, stream: bool) -> None:
    sequences = 2 if "," in asked else 1

    async def scene() -> str | None:
        async with client(deployed) as api:
            async with _requests(deployed, asked, stream, SEQUENCES // sequences):
                next_one = await waits_in_line(api)
            async with asyncio.timeout(_FREED_S):
                return await next_one

    assert asyncio.run(scene())


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_who_hangs_up_in_the_line_frees_its_place(deployed: Deployed, stream: bool) -> None:
    async def scene() -> str | None:
        async with client(deployed) as api:
            async with _requests(deployed, "completions, n=2", stream, SEQUENCES // 2):
                waiting = await waits_in_line(api)
                waiting.cancel()
                await asyncio.wait({waiting})
                async with _requests(deployed, "chat/completions", stream, WAITING):
                    async with asyncio.timeout(_FREED_S):
                        while await has_a_place(api):
                            pass
                async with asyncio.timeout(_FREED_S):
                    while not await has_a_place(api):
                        pass
            async with asyncio.timeout(_FREED_S):
                return await ask(api)

    assert asyncio.run(scene())


@asynccontextmanager
async def _requests(
    deployed: Deployed, asked: str, stream: bool, count: int
) -> AsyncIterator[None]:
    """Have requests open within the block; then hang up."""
    url = f"{deployed.url}/v1/{asked.partition(',')[0]}"
    body = {"model": MODEL, "stream": stream, **_BODIES[asked]}
    asking = [asyncio.create_task(_read(url, body)) for _ in range(count)]
    try:
        yield
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        assert all(task.cancelled() for task in asking), asking


async def _read(url: str, body: dict[str, Any]) -> None:
    """Read an answer; a question may have taken the last place in the line for a moment."""
    async with httpx.AsyncClient(timeout=280, trust_env=False) as http:
        refused = True
        while refused:
            async with http.stream("POST", url, json=body) as answer:
                refused = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
                async for _ in answer.aiter_bytes():
                    pass
