"""A client that doesn't read what it asked for."""

import asyncio

import openai
import pytest

from tests.system.served.clients.asking import QUESTION, client, waits_in_line
from tests.system.served.clients.serving import LOGPROBS, LONG, SEQUENCES
from tests.system.served.deployed import MODEL, Deployed


def test_a_stream_that_nobody_reads_ends_before_it_is_whole(deployed: Deployed) -> None:
    """It fills the engine: who comes next is answered once the router keeps no more of it."""

    async def scene() -> int:
        async with client(deployed) as api:
            unread = await _begin(api)
            assert await (await waits_in_line(api))
            return await _read(unread)

    assert 0 < asyncio.run(scene()) < SEQUENCES * LONG


async def _begin(
    api: openai.AsyncOpenAI,
) -> openai.AsyncStream[openai.types.chat.ChatCompletionChunk]:
    """Ask for a stream that is many bytes a token."""
    return await api.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        n=SEQUENCES,
        max_tokens=LONG,
        temperature=0.5,
        logprobs=True,
        top_logprobs=LOGPROBS,
        stream=True,
        extra_body={"ignore_eos": True},
    )


async def _read(stream: openai.AsyncStream[openai.types.chat.ChatCompletionChunk]) -> int:
    """Read the stream to its end, which must be an error; return how many tokens it had."""
    tokens = 0
    try:
        async for chunk in stream:
            for choice in chunk.choices:
                tokens += len(choice.logprobs.content or []) if choice.logprobs else 0
    except openai.APIError as error:
        assert "were waiting to be read" in error.message  # noqa: PT017 - the tokens count, too
        return tokens
    pytest.fail(f"it ended well after {tokens} tokens")
