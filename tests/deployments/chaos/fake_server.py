"""A server that answers every request with the same bytes, then closes, hangs, or goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
CUT_HEAD = HEAD.replace(b"connection: close", b"content-length: 100000")


@asynccontextmanager
async def answering(*pieces: bytes, hang: bool = False) -> AsyncIterator[str]:
    """Answer with these pieces during the block; give the URL."""
    hanging: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(pieces))
        await writer.drain()
        if hang:
            hanging.append(writer)
        else:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in hanging:
            writer.close()


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def chunk(text: str, tokens: list[int], finish: str | None = None) -> dict[str, Any]:
    choice = {
        "index": 0,
        "delta": {"content": text},
        "token_ids": tokens,
        "finish_reason": finish,
    }
    return {"id": "chatcmpl-7", "object": "chat.completion.chunk", "choices": [choice]}


def usage(tokens: int) -> dict[str, Any]:
    counts = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}
    return {"id": "chatcmpl-7", "object": "chat.completion.chunk", "choices": [], "usage": counts}
