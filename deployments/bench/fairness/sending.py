"""How the two keys send: one by one, or all at once."""

import asyncio
import random
from threading import Event

from deployments.bench.stream import Stream, client, streamed

_PROMPT_TOKENS = 64


def one_by_one(key: str, requests: int, pause_s: float, seed: int) -> list[Stream]:
    """Send each request when the one before has ended and up to `pause_s` have passed."""

    async def send() -> list[Stream]:
        draw, streams = random.Random(seed), []  # noqa: S311
        async with client(key) as sender:
            for _ in range(requests):
                streams.append(await streamed(sender, draw.getrandbits(32), _PROMPT_TOKENS, 4))
                await asyncio.sleep(pause_s * draw.random())
        return streams

    return asyncio.run(send())


def at_once(key: str, requests: int, tokens: int, begun: Event) -> list[Stream]:
    """Send all requests together; set `begun` when the first has ended."""

    async def send() -> list[Stream]:
        async with client(key) as sender:
            tasks = [
                asyncio.create_task(streamed(sender, number, _PROMPT_TOKENS, tokens))
                for number in range(requests)
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            begun.set()
            return await asyncio.gather(*tasks)

    return asyncio.run(send())
