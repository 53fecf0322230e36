"""Streams that differ in everything a continuation must keep, and what a client got of each."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import Any

import openai

from tests.system.served.deployed import Deployed

_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 4,
            "maxItems": 6,
        },
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}

_BETWEEN_S = 5

GREEDY: list[dict[str, Any]] = [{"temperature": 0}] * 8

LONG: list[dict[str, Any]] = [{"temperature": 0, "max_tokens": 800}] * 8

MIXED: list[dict[str, Any]] = [
    {"temperature": 0, "presence_penalty": 1.5, "frequency_penalty": 0.7},
    {"temperature": 0.8, "seed": 5},
    {
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": _SCHEMA},
        },
    },
    {"temperature": 0, "logprobs": True, "top_logprobs": 2},
    {"temperature": 0.7, "seed": 1, "n": 2},
    {"temperature": 0, "extra_body": {"min_tokens": 150, "repetition_penalty": 1.2}},
    {"temperature": 0.7, "seed": 9, "reasoning_effort": "high"},
]


@dataclass
class Answer:
    """One choice of a stream, as received."""

    content: str = ""
    reasoning: str = ""
    logprobs: list[tuple[str, float]] = field(default_factory=list)
    finish_reason: str | None = None


class Streams:
    """Chat requests streamed at once; `begun` is set when all streams have begun."""

    def __init__(self, url: str, model: str, requests: list[dict[str, Any]]) -> None:
        self._url = url
        self._model = model
        self._requests = requests
        self._heard_of: set[int] = set()
        self.begun = asyncio.Event()

    async def answers(self) -> list[dict[int, Answer]]:
        """Return each request's choices by index; raises what the client raises."""
        async with openai.AsyncOpenAI(
            base_url=f"{self._url}/v1", api_key="none", max_retries=0, timeout=280
        ) as client:
            return await asyncio.gather(
                *(
                    self._stream(client, number, request)
                    for number, request in enumerate(self._requests)
                )
            )

    async def _stream(
        self, client: openai.AsyncOpenAI, number: int, request: dict[str, Any]
    ) -> dict[int, Answer]:
        question = f"Question {number}: go on about " + "many things " * (number + 1)
        stream = await client.chat.completions.create(
            model=self._model,
            messages=[{"role": "user", "content": question}],
            stream=True,
            **{"max_tokens": 200, **request},
        )
        answers: dict[int, Answer] = {}
        async for chunk in stream:
            for choice in chunk.choices:
                answer = answers.setdefault(choice.index, Answer())
                answer.content += choice.delta.content or ""
                answer.reasoning += getattr(choice.delta, "reasoning", None) or ""
                for token in (choice.logprobs.content or []) if choice.logprobs else []:
                    answer.logprobs.append((token.token, token.logprob))
                answer.finish_reason = choice.finish_reason or answer.finish_reason
                if choice.delta.content or answer.reasoning:
                    self._heard(number)
        return answers

    def _heard(self, number: int) -> None:
        if number not in self._heard_of:
            self._heard_of.add(number)
            if len(self._heard_of) == len(self._requests):
                self.begun.set()


async def answers_despite(
    deployed: Deployed, requests: list[dict[str, Any]], victim: int, *signals: signal.Signals
) -> list[dict[int, Answer]]:
    """Return the answers to `requests`; send process `victim` signals once every stream has begun.

    Between two of them pass five seconds.
    """
    streams = Streams(deployed.url, deployed.model, requests)
    answers = asyncio.create_task(streams.answers())
    begun = asyncio.create_task(streams.begun.wait())
    await asyncio.wait({answers, begun}, return_when=asyncio.FIRST_COMPLETED)
    assert not answers.done(), "the streams were over before the process could be killed"
    for number, sent in enumerate(signals):
        await asyncio.sleep(_BETWEEN_S if number else 0)
        os.kill(victim, sent)
    return await answers
