"""Prompts with a heavy tail, sent in a closed loop, and how long their first tokens take."""

import asyncio
import random
import time
from dataclasses import dataclass

import openai

from model_shards.nano import NANO

# Pareto: half of the prompts are below 90 tokens, and one in twenty above 600.
_SHORTEST_TOKENS, _LONGEST_TOKENS, _SHAPE = 48, 3000, 1.1
_ANSWER_TOKENS = 16
_TEXT_TOKENS = range(1000, NANO.vocab_size)  # not control tokens


@dataclass(frozen=True, slots=True)
class Traffic:
    """A number of requests, `streams` at a time; a seed always sends the same prompts in order."""

    streams: int
    requests: int
    seed: int

    def prompts(self) -> list[list[int]]:
        """Return the prompts as token ids; no two share a prefix."""
        draw = random.Random(self.seed)  # noqa: S311
        lengths = (
            min(_LONGEST_TOKENS, int(_SHORTEST_TOKENS * draw.paretovariate(_SHAPE)))
            for _ in range(self.requests)
        )
        return [draw.choices(_TEXT_TOKENS, k=length) for length in lengths]

    async def send(self, url: str, model: str) -> list[float]:
        """Send all prompts; return the milliseconds to each first token."""
        waiting = iter(self.prompts())
        ttft_ms: list[float] = []
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", timeout=300) as client:

            async def stream() -> None:
                for prompt in waiting:
                    ttft_ms.append(await _first_token_ms(client, model, prompt))

            await asyncio.gather(*(stream() for _ in range(self.streams)))
        return ttft_ms


async def _first_token_ms(client: openai.AsyncOpenAI, model: str, prompt: list[int]) -> float:
    sent_s = time.perf_counter()
    first_s = None
    chunks = await client.completions.create(
        model=model,
        prompt=prompt,
        max_tokens=_ANSWER_TOKENS,
        temperature=0,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    async for _ in chunks:
        first_s = first_s or time.perf_counter()
    return ((first_s or time.perf_counter()) - sent_s) * 1000
