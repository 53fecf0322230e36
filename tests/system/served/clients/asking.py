"""Short questions, by which a client sees whether the engine and the line have a place for it."""

import asyncio
import time
from typing import Any

import openai
import pytest

from tests.system.served.deployed import MODEL, Deployed

QUESTION: list[Any] = [{"role": "user", "content": "Go on for ever."}]
_FULL_S = 60
_WAITS_S = 2.0  # who isn't answered for so long waits; an idle engine takes a hundredth of it


def client(deployed: Deployed) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=280
    )


async def ask(api: openai.AsyncOpenAI) -> str | None:
    """Ask for a few tokens; raises RateLimitError if the line has no place."""
    answer = await api.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=4, temperature=0
    )
    return answer.choices[0].message.content


async def waits_in_line(api: openai.AsyncOpenAI) -> "asyncio.Task[str | None]":
    """Ask until the question waits; return it while it does."""
    deadline_s = time.monotonic() + _FULL_S
    while time.monotonic() < deadline_s:
        asking = asyncio.create_task(ask(api))
        await asyncio.wait({asking}, timeout=_WAITS_S)
        if not asking.done():
            return asking
        await asking
    pytest.fail(f"after {_FULL_S} s there is still room for every question")


async def has_a_place(api: openai.AsyncOpenAI) -> bool:
    """Tell whether the line has a place; it is empty again then."""
    asking = asyncio.create_task(ask(api))
    await asyncio.wait({asking}, timeout=_WAITS_S)
    if not asking.done():
        asking.cancel()
        await asyncio.wait({asking})
        return True
    return not isinstance(asking.exception(), openai.RateLimitError)
