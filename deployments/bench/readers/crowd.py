"""Clients that ask for streams, and read them or not."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from configs.errors import BenchError
from deployments.bench.served import Served

_SMALL_BYTES = 4096  # a client's own socket: what is held for it is held before it
_ANSWERED = re.compile(r"^vllm:request_success_total\{.*\} (\S+)$", re.MULTILINE)
_LOOK_EVERY_S = 2
_TOO_LONG_S = 480


@asynccontextmanager
async def crowd(clients: int, reads: bool, body: dict[str, Any]) -> AsyncIterator[None]:
    """Have so many streams of `body` answered to their ends, and hold the connections open."""
    before = await _answered()
    asking = await asyncio.gather(*(_ask(body) for _ in range(clients)))
    reading = [asyncio.create_task(_read(reader)) for reader, _ in asking] if reads else []
    await _until_answered(before + clients)
    yield
    for task in reading:
        task.cancel()
    for _, writer in asking:
        writer.transport.abort()


async def _until_answered(requests: float) -> None:
    deadline_s = time.monotonic() + _TOO_LONG_S
    while await _answered() < requests:
        if time.monotonic() > deadline_s:
            raise BenchError(
                "answers are missing: ask for less, or for no more than limits.unread_tokens."
            )
        await asyncio.sleep(_LOOK_EVERY_S)


async def _ask(body: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
    connection.setblocking(False)
    address = httpx.URL(Served.url)
    await asyncio.get_running_loop().sock_connect(connection, (address.host, address.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=_SMALL_BYTES)
    text = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.host}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    writer.write(head.encode() + text)
    return reader, writer


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(_SMALL_BYTES):
        pass


async def _answered() -> float:
    """Return how many requests the only router has answered, or has ended."""
    async with httpx.AsyncClient(base_url=Served.url, timeout=60, trust_env=False) as client:
        page = (await client.get("/metrics")).text
    if not (counts := _ANSWERED.findall(page)):
        raise BenchError("the router's metrics have no vllm:request_success_total.")
    return sum(map(float, counts))
