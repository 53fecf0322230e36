"""Answers a refused request with a status, and says when to send it again.

vLLM starts a stream, with status 200, before the request has a rank, and writes a refusal into the
stream. So the start is held back until the first body arrives. Read from vLLM 0.32.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import RefusedError
from deployments.front_end.refusals import answer

# Answers, ours or vLLM's, that get a Retry-After.
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_refusals: ContextVar[list[RefusedError] | None] = ContextVar("refusals", default=None)


def turn_away(refused: RefusedError) -> None:
    """Note why the request that is being served gets no rank, or none to go on at."""
    if (refusals := _refusals.get()) is not None:
        refusals.append(refused)


def refusal() -> RefusedError | None:
    """Return what was noted first of the request that is being served."""
    return next(iter(_refusals.get() or ()), None)


class TurnedAway:
    """ASGI middleware that answers a request without a rank with its refusal's status and headers.

    A stream that has begun to send tokens is left as it is.
    `retry_after_s` says when a refused request is likely to find room.
    """

    def __init__(self, app: ASGIApp, retry_after_s: Callable[[], float]) -> None:
        self._app = app
        self._retry_after_s = retry_after_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusals: list[RefusedError] = []
        start: Message | None = None
        replaced = False

        async def send_on(message: Message) -> None:
            nonlocal start, replaced
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None and refusals:
                replaced, start = True, None
                response = answer(scope, refusals[0])
                response.headers.setdefault("Retry-After", self._retry_after())
                await response(scope, receive, send)
            if replaced:
                return
            if start is not None:
                if start["status"] in _RETRIED:
                    MutableHeaders(scope=start).setdefault("Retry-After", self._retry_after())
                await send(start)
                start = None
            await send(message)

        before = _refusals.set(refusals)
        try:
            await self._app(scope, receive, send_on)
        finally:
            _refusals.reset(before)

    def _retry_after(self) -> str:
        return str(math.ceil(self._retry_after_s()))
