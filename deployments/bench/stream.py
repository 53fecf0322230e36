"""One streamed request of random tokens, and when its tokens came."""

import random
import time
from dataclasses import dataclass, field
from itertools import pairwise

import openai

from configs.errors import BenchError
from deployments.bench.served import Served
from model_shards.nano import NANO

_TEXT_TOKENS = range(1000, NANO.vocab_size)  # not control tokens


@dataclass(slots=True)
class Stream:
    """The times at which a request was sent and its tokens came, in seconds on one clock."""

    sent_s: float = field(default_factory=time.perf_counter)
    tokens_s: list[float] = field(default_factory=list)

    @property
    def ttft_s(self) -> float:
        return self.tokens_s[0] - self.sent_s

    def gaps_s(self) -> list[float]:
        """Return the times between tokens; each is a step of the engine."""
        return [later - sooner for sooner, later in pairwise(self.tokens_s)]


def client(key: str = "none") -> openai.AsyncOpenAI:
    """Make a client of the deployment that `Served` starts."""
    return openai.AsyncOpenAI(base_url=f"{Served.url}/v1", api_key=key, max_retries=0, timeout=300)


async def streamed(
    client: openai.AsyncOpenAI, seed: int, prompt_tokens: int, answer_tokens: int
) -> Stream:
    """Send a request, and return its stream when the last token has come.

    Raises BenchError if the stream is cut off before.
    """
    draw = random.Random(seed)  # noqa: S311
    stream = Stream()
    chunks = await client.completions.create(
        model=Served.model,
        prompt=draw.choices(_TEXT_TOKENS, k=prompt_tokens),
        max_tokens=answer_tokens,
        temperature=0,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    finish = None
    async for chunk in chunks:
        stream.tokens_s.append(time.perf_counter())
        finish = chunk.choices[0].finish_reason or finish
    if finish != "length":
        raise BenchError(f"a stream of {answer_tokens} tokens ended after {len(stream.tokens_s)}")
    return stream
