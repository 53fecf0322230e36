"""Sends a scenario's requests at their times, without waiting for earlier ones."""

import asyncio
import time
from collections.abc import Sequence

import openai

from configs.errors import BenchError
from deployments.bench.stream import client, streamed
from deployments.simulation.request import Request


class Playing:
    """Sends requests, and notes in each when its first and last token came.

    `failed` names each request that failed, with its error.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.failed: list[str] = []
        self.sent = 0
        self._requests = requests
        self._began_s = 0.0

    @property
    def now_s(self) -> float:
        """Seconds since `run` was called."""
        return time.perf_counter() - self._began_s

    async def run(self) -> None:
        """Send each request at its time; return when all have ended."""
        self._began_s = time.perf_counter()
        async with client() as sender, asyncio.TaskGroup() as tasks:
            for request in self._requests:
                await asyncio.sleep(max(0.0, request.at_s - self.now_s))
                self.sent += 1
                tasks.create_task(self._ask(sender, request))

    async def _ask(self, sender: openai.AsyncOpenAI, request: Request) -> None:
        lengths = request.prompt_tokens, request.answer_tokens
        try:
            stream = await streamed(sender, request.number, *lengths)
        except (openai.OpenAIError, BenchError) as error:
            self.failed.append(f"request {request.number}: {error!r}")
            return
        request.produced = request.answer_tokens
        request.first_at_s = stream.tokens_s[0] - self._began_s
        request.done_at_s = stream.tokens_s[-1] - self._began_s
