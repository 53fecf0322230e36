"""Who is turned away hears it as a status, and when to come again.

vLLM begins a stream, with a 200, before the request has a rank, and tells of a refusal in it. So
the beginning is held back until there is something to tell. Read from vLLM 0.32.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import RefusedError
from deployments.front_end.refusals import answer

_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_heard: ContextVar[list[RefusedError] | None] = ContextVar("heard", default=None)


def turn_away(refused: RefusedError) -> None:
    """Notes why the request that is being served gets no rank."""
    if (heard := _heard.get()) is not None:
        heard.append(refused)


class TurnedAway:
    """ASGI middleware: `wait_s` tells when a refused request is likely to find room."""

    def __init__(self, app: ASGIApp, wait_s: Callable[[], float]) -> None:
        self._app = app
        self._wait_s = wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        heard: list[RefusedError] = []
        start: Message | None = None
        refused = False

        async def send_on(message: Message) -> None:
            nonlocal start, refused
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None and heard:
                refused, start = True, None
                response = answer(scope, heard[0])
                response.headers.setdefault("Retry-After", self._again())
                await response(scope, receive, send)
            if refused:
                return
            if start is not None:
                if start["status"] in _AGAIN:
                    MutableHeaders(scope=start).setdefault("Retry-After", self._again())
                await send(start)
                start = None
            await send(message)

        before = _heard.set(heard)
        try:
            await self._app(scope, receive, send_on)
        finally:
            _heard.reset(before)

    def _again(self) -> str:
        return str(math.ceil(self._wait_s()))
