"""Ends a request that takes too long, with an error that says so.

Whatever else could end it, such as HAProxy or a router's drain, would cut the connection.
"""

import asyncio
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import TookTooLongError
from deployments.front_end.refusals import answer

_GRACE_S = 5.0


class TimeLimit:
    """ASGI middleware that gives a request `limit_s`, its waiting and its whole answer.

    The application then finds that its client has hung up, and the client gets the error: as an
    event if its stream has begun.
    """

    def __init__(self, app: ASGIApp, limit_s: float) -> None:
        self._app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        answering = asyncio.ensure_future(self._app(scope, exchange.receive, exchange.send))
        try:
            done, _ = await asyncio.wait({answering}, timeout=self._limit_s)
            if not done:
                exchange.over.set_result(None)
                await asyncio.wait({answering}, timeout=_GRACE_S)
                # A client that doesn't read its stream doesn't read its end, either.
                async with asyncio.timeout(_GRACE_S):
                    await self._refuse(exchange, scope, send)
        finally:
            if answering.done():
                await answering
            answering.cancel()

    async def _refuse(self, exchange: "_Exchange", scope: Scope, send: Send) -> None:
        if exchange.ended:
            return
        response = answer(
            scope,
            TookTooLongError(
                f"The request took longer than {self._limit_s:g} s, its waiting included, which is "
                "all that one may take. Ask for less, or several times."
            ),
        )
        if exchange.started is None:
            await response(scope, exchange.receive, send)
            return
        if "text/event-stream" in Headers(raw=exchange.started["headers"]).get("content-type", ""):
            event = f"event: error\ndata: {bytes(response.body).decode()}\n\n"
            await send({"type": "http.response.body", "body": event.encode()})


class _Exchange:
    """What passes between an application and its client, until `over` is done."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started: Message | None = None
        self.ended = False
        self._has_body = False

    async def receive(self) -> Message:
        """Return what the client sends; after its body, that it is gone once `over` is done."""
        if not self._has_body:
            message = await self._receive()
            self._has_body = not message.get("more_body")
            return message
        receiving: asyncio.Future[Message] = asyncio.ensure_future(self._receive())
        try:
            both: set[asyncio.Future[Any]] = {receiving, self.over}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if self.over.done() else receiving.result()
        finally:
            receiving.cancel()

    async def send(self, message: Message) -> None:
        """Send what the application answers."""
        if self.over.done():
            return
        if message["type"] == "http.response.start":
            self.started = message
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.ended = True
        await self._send(message)
