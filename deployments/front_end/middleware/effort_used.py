"""Says in a header which reasoning effort an answer was made with, where one was asked for."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.front_end.requests.effort import used

HEADER = "X-Reasoning-Effort"


class EffortUsed:
    """ASGI middleware that adds the header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        noted: list[str] = []

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start" and noted:
                MutableHeaders(scope=message)[HEADER] = noted[0]
            await send(message)

        before = used.set(noted)
        try:
            await self._app(scope, receive, send_with_header)
        finally:
            used.reset(before)
