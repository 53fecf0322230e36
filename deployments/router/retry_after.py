"""Tells clients that were turned away when to come again."""

import math
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TURNED_AWAY = (429, 503)


class RetryAfter:
    """ASGI middleware: `Retry-After`, in whole seconds, on every 429 and 503 without one."""

    def __init__(self, app: ASGIApp, wait_s: Callable[[], float]) -> None:
        self._app = app
        self._wait_s = wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _TURNED_AWAY:
                MutableHeaders(scope=message).setdefault(
                    "retry-after", str(math.ceil(self._wait_s()))
                )
            await send(message)

        await self._app(scope, receive, send_on)
