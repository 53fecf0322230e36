"""Refuses bodies that are too large; what a body leaves of the limit is for images."""

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import BodyTooLargeError
from deployments.front_end.bytes_left import BytesLeft, bytes_left
from deployments.front_end.refusals import answer, status_of


class BodyLimit:
    """ASGI middleware that refuses a body by its announced length, or else while it is read."""

    def __init__(self, app: ASGIApp, mebibytes: int) -> None:
        self._app = app
        self._limit = mebibytes << 20
        self._refused = BodyTooLargeError(
            f"The request is larger than the {mebibytes} MiB that are taken."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit:
            await answer(scope, self._refused)(scope, receive, send)
            return
        left = BytesLeft(self._limit)

        async def receive_within_limit() -> Message:
            message = await receive()
            if not left.take(len(message.get("body", b""))):
                # FastAPI passes this on to the handlers, where other errors become a 400.
                raise HTTPException(status_of(self._refused), str(self._refused))
            return message

        before = bytes_left.set(left)
        try:
            await self._app(scope, receive_within_limit, send)
        finally:
            bytes_left.reset(before)
