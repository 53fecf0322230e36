"""Chats go on where their beginning is cached, on two gangs that share nothing."""

import asyncio
import random

import openai

from model_shards.nano import NANO
from tests.system.served.deployed import Deployed

_CHATS, _TURNS = 8, 5
_FIRST_TOKENS, _NEXT_TOKENS, _ANSWER_TOKENS = 500, 40, 30


def test_a_chat_finds_nearly_all_that_one_engine_would_have(deployed: Deployed) -> None:
    chats = asyncio.run(held(deployed))
    found = sum(cached for cached, _ in chats)
    assert found >= 0.95 * sum(cacheable for _, cacheable in chats)


async def held(deployed: Deployed) -> list[tuple[int, int]]:
    """Hold some chats at once; return, for each turn but the first, tokens cached and cacheable."""
    block_tokens = deployed.status()["ranks"][0]["block_tokens"]
    async with openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=200
    ) as client:

        async def chat(seed: int) -> list[tuple[int, int]]:
            draw = random.Random(seed)
            prompt = tokens(draw, _FIRST_TOKENS)
            turns, computed = [], 0
            for _ in range(_TURNS):
                completion = await client.completions.create(
                    model=deployed.model,
                    prompt=prompt,
                    max_tokens=_ANSWER_TOKENS,
                    temperature=0,
                    extra_body={"ignore_eos": True, "return_token_ids": True},
                )
                assert completion.usage is not None
                assert completion.usage.prompt_tokens_details is not None
                cached = completion.usage.prompt_tokens_details.cached_tokens or 0
                turns.append((cached, computed // block_tokens * block_tokens))
                answer = completion.choices[0].token_ids  # type: ignore[attr-defined]
                computed = len(prompt) + len(answer) - 1  # the last token is only chosen
                prompt = [*prompt, *answer, *tokens(draw, _NEXT_TOKENS)]
                await asyncio.sleep(draw.random() / 10)  # chats get out of step
            return turns[1:]

        return [turn for turns in await asyncio.gather(*map(chat, range(_CHATS))) for turn in turns]


def tokens(draw: random.Random, count: int) -> list[int]:
    return draw.choices(range(1000, NANO.vocab_size), k=count)
