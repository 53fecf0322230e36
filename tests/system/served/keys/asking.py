"""Requests with a key, many at once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import openai

from tests.system.served.deployed import MODEL, Deployed

# With what has been answered by then, a block of the cache is full when batch yields.
PROMPT = "Tell me of the sea and of the ships that sail on it. " * 6


@dataclass(slots=True)
class Told:
    """A stream's text, and when it began and ended, on one clock."""

    text: str = ""
    first_s: float = 0.0
    last_s: float = 0.0


@contextmanager
def client(deployed: Deployed, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{deployed.url}/v1", api_key=key, max_retries=0, timeout=120
    ) as api:
        yield api


def complete(client: openai.OpenAI, deployed: Deployed, tokens: int = 4) -> int:
    """Ask for a short completion, and return the tokens that it used."""
    completion = client.completions.create(
        model=deployed.model, prompt=PROMPT, max_tokens=tokens, extra_body={"ignore_eos": True}
    )
    assert completion.usage is not None
    return completion.usage.total_tokens


def client_for_many(deployed: Deployed, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key=key, max_retries=0, timeout=200
    )


def start(
    client: openai.AsyncOpenAI, count: int, tokens: int, begun: asyncio.Semaphore | None = None
) -> list[asyncio.Task[Told]]:
    """Start `count` streams at once, each of another prompt; each releases `begun` once."""
    begun = begun or asyncio.Semaphore(0)
    return [asyncio.create_task(_stream(client, seed, tokens, begun)) for seed in range(count)]


async def _stream(
    client: openai.AsyncOpenAI, seed: int, tokens: int, begun: asyncio.Semaphore
) -> Told:
    told = Told()
    stream = await client.completions.create(
        model=MODEL,
        prompt=f"{seed}: {PROMPT}",
        max_tokens=tokens,
        temperature=0,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    async for chunk in stream:
        if not told.first_s:
            told.first_s = time.monotonic()
            begun.release()
        told.last_s = time.monotonic()
        told.text += chunk.choices[0].text
    return told
