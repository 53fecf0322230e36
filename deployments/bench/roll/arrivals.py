"""Requests that come at their own pace, and what became of each."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import openai

from deployments.bench.served import Served
from deployments.bench.stream import client

_PROMPTS = 8
_PROMPT_WORDS = 48
_ANSWER_TOKENS = 24


@dataclass
class Arrivals:
    """A Poisson stream of requests; answers to the same prompt must be the same for ever."""

    per_s: float
    ttft_s: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    right: dict[int, str] = field(default_factory=dict)  # by prompt, the first answer to it

    async def until(self, over: asyncio.Event) -> None:
        """Send requests until `over` is set, and wait for their answers."""
        draw, asking = random.Random(0), set[asyncio.Task[None]]()  # noqa: S311
        async with client() as api:
            while not over.is_set():
                asking.add(asyncio.create_task(self._ask(api, draw.randrange(_PROMPTS))))
                await asyncio.sleep(draw.expovariate(self.per_s))
            await asyncio.gather(*asking)

    async def _ask(self, api: openai.AsyncOpenAI, prompt: int) -> None:
        loop = asyncio.get_running_loop()
        sent_s, text, begun = loop.time(), "", False
        try:
            chunks = await api.completions.create(
                model=Served.model,
                prompt=f"{prompt}: " + "on and on " * _PROMPT_WORDS,
                max_tokens=_ANSWER_TOKENS,
                temperature=0,
                stream=True,
                extra_body={"ignore_eos": True},
            )
            async for chunk in chunks:
                if not begun:
                    begun = True
                    self.ttft_s.append(loop.time() - sent_s)
                text += chunk.choices[0].text
        except openai.APIError as error:
            self.failed[repr(error)] += 1
            return
        self.wrong += text != self.right.setdefault(prompt, text)
