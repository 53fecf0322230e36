"""More than the engines can hold at once: it waits in the routers."""

import asyncio
import random
import re

import httpx
import openai

from model_shards.nano import NANO
from tests.system.served.deployed import Deployed
from tests.system.served.expert_parallel.asking import router_urls

# 64 sequences of these take more KV cache than a rank has (32,768 tokens).
_REQUESTS = 160
_PROMPT_TOKENS = range(600, 900)
_ANSWER_TOKENS = 60


def test_nothing_is_preempted_and_everything_answered(deployed: Deployed) -> None:
    before = preemptions()
    lengths = asyncio.run(answer_lengths(deployed))
    assert lengths == [_ANSWER_TOKENS] * _REQUESTS
    assert preemptions() == before


async def answer_lengths(deployed: Deployed) -> list[int]:
    draw = random.Random(1)

    async def ask(client: openai.AsyncOpenAI) -> int:
        prompt = draw.choices(range(1000, NANO.vocab_size), k=draw.choice(_PROMPT_TOKENS))
        completion = await client.completions.create(
            model=deployed.model,
            prompt=prompt,
            max_tokens=_ANSWER_TOKENS,
            temperature=0,
            extra_body={"ignore_eos": True},
        )
        assert completion.usage is not None
        return completion.usage.completion_tokens

    async with openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=280
    ) as client:
        return await asyncio.gather(*(ask(client) for _ in range(_REQUESTS)))


def preemptions() -> float:
    """Sum the preemptions of all engines, as all routers have heard of them."""
    found = []
    for url in router_urls():
        page = httpx.get(f"{url}/metrics", timeout=30).text
        (count,) = re.findall(r"^vllm:num_preemptions_total\{.*\} (\S+)$", page, re.MULTILINE)
        found.append(float(count))
    return sum(found)
