"""Official clients of one router, whose only rank answers with the tokens that a test dictates."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai

from tests.deployments.router.whole_router import WholeRouter, whole_router

MODEL = "mistral-small-4"


@dataclass
class Clients:
    router: WholeRouter
    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic

    def answers(self, *parts: str) -> int:
        """Have the rank answer with these control tokens and texts; return how many tokens."""
        tokenizer = self.router.renderer.tokenizer
        control = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        self.router.answer = []
        for part in parts:
            ordinary = tokenizer.encode(part, add_special_tokens=False)
            self.router.answer += [control[part]] if part in control else ordinary
        return len(self.router.answer)


@asynccontextmanager
async def dictated_clients() -> AsyncIterator[Clients]:
    async with whole_router(weights={}) as router:
        url, key = "http://router", "none"
        transport = httpx2.ASGITransport(router.app)
        async with httpx2.AsyncClient(transport=transport) as client:
            yield Clients(
                router,
                openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, http_client=client),
                anthropic.AsyncAnthropic(base_url=url, api_key=key, http_client=client),
            )


Play = Callable[[Callable[[Clients], Coroutine[Any, Any, None]]], None]
