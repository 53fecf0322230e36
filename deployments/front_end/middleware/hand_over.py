"""Hands requests over to the application that is about to take this one's place."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, Protocol

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.front_end.route_path import route_path

logger = logging.getLogger("ray.serve")

# Of one connection, not of what it carries (RFC 9110, 7.6.1); or what httpx sets itself.
_HOP_BY_HOP = {
    *(b"connection", b"expect", b"host", b"keep-alive", b"te", b"trailer", b"transfer-encoding"),
    b"upgrade",
}


class Successor(Protocol):
    """Chooses which requests are handed over, and counts them."""

    kept: int
    handed_over: int
    failed: int

    def draw(self) -> str | None:
        """Return the URL of the application that takes the next request; None: this one."""


def forwarding_client() -> httpx.AsyncClient:
    """Make a client for as many requests as there are, each as long as it takes."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=2.0),
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


class HandOver:
    """ASGI middleware that forwards requests which create work, as far as `successor` says.

    What the other application can't answer (it isn't there, or before an answer began there was an
    error of the 500s), this one answers, as if there were no other.
    """

    def __init__(self, app: ASGIApp, successor: Successor, http: httpx.AsyncClient) -> None:
        """Forward by `http`, which must bear with answers of any length."""
        self._app = app
        self._successor = successor
        self._http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        successor = self._successor
        if (url := successor.draw()) is not None:
            try:
                body = await Request(scope, receive).body()
            except ClientDisconnect:
                return
            except HTTPException as refused:  # too large; the application says so
                await self._app(scope, _refusing(refused), send)
                return
            successor.handed_over += 1
            try:
                forwarding = self._forward(url + _target(scope), scope, body, send)
                if await _unless_gone(forwarding, receive):
                    return
            finally:
                successor.handed_over -= 1
            receive = _once_more(body, receive)
        successor.kept += 1
        try:
            await self._app(scope, receive, send)
        finally:
            successor.kept -= 1

    async def _forward(self, url: str, scope: Scope, body: bytes, send: Send) -> bool:
        """Return True if the other application has answered."""
        headers = [pair for pair in scope["headers"] if pair[0] not in _HOP_BY_HOP]
        request = httpx.Request("POST", url, headers=headers, content=body)
        try:
            response = await self._http.send(request, stream=True)
        except httpx.TransportError as error:
            self._note_failure(url, repr(error))
            return False
        async with contextlib.aclosing(response):
            if response.is_server_error:
                self._note_failure(url, f"status {response.status_code}")
                return False
            if response.status_code == httpx.codes.NOT_FOUND:
                return False  # by HAProxy, which doesn't know the other application
            try:
                await _pass_on(response, send)
            except httpx.TransportError as error:
                self._note_failure(url, repr(error))
                raise
            return True

    def _note_failure(self, url: str, why: str) -> None:
        logger.warning("%s failed: %s", url, why)
        self._successor.failed += 1


async def _unless_gone(forwarding: Coroutine[Any, Any, bool], receive: Receive) -> bool:
    """Return what is awaited, or True once the client is gone."""
    answering = asyncio.ensure_future(forwarding)
    hang_up = asyncio.ensure_future(receive())  # the body has been read: nothing else comes
    try:
        await asyncio.wait({answering, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else True
    finally:
        for task in (answering, hang_up):
            task.cancel()
        await asyncio.gather(answering, hang_up, return_exceptions=True)


def _refusing(refused: HTTPException) -> Receive:
    async def receive() -> Message:
        raise refused

    return receive


def _once_more(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return route_path(scope) + (f"?{query}" if query else "")


async def _pass_on(response: httpx.Response, send: Send) -> None:
    headers = [
        (name, value)
        for name, value in ((name.lower(), value) for name, value in response.headers.raw)
        if name not in _HOP_BY_HOP
    ]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
