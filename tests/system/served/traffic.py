"""Clients that ask again when they are answered, at once or after a pause."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai

from tests.system.served.deployed import Deployed


async def answer(client: openai.AsyncOpenAI, model: str, number: int, tokens: int) -> str:
    """Stream a greedy answer; raises what the client raises."""
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": f"Question {number}: go on about many things."}],
        max_tokens=tokens,
        temperature=0,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def client(deployed: Deployed) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=280
    )


class Traffic:
    """Clients that ask again and again, and the answers that they got, by question."""

    def __init__(self, deployed: Deployed, clients: int, tokens: int, pause_s: float = 0.0) -> None:
        self.answers: list[tuple[int, str]] = []
        self._deployed = deployed
        self._clients = clients
        self._tokens = tokens
        self._pause_s = pause_s
        self._over = asyncio.Event()

    async def _ask(self, number: int) -> None:
        async with client(self._deployed) as api:
            while not self._over.is_set():
                text = await answer(api, self._deployed.model, number, self._tokens)
                self.answers.append((number, text))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), self._pause_s)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Let the clients ask, then wait for their last answers; raises what they raised."""
        asking = [asyncio.create_task(self._ask(number)) for number in range(self._clients)]
        try:
            yield
        finally:
            self._over.set()
            await asyncio.gather(*asking)
