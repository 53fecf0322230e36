"""Lets vLLM hear that a client has hung up.

vLLM listens for it and then aborts the request in the engine. Serve cancels the app instead, and a
cancelled handler of vLLM's leaves its request running to the end. Read from Ray 2.60, vLLM 0.32.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

_GRACE_S = 5.0


class HangUp:
    """ASGI middleware: cancelled from outside, it first gives the app time to end by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = asyncio.ensure_future(self._app(scope, receive, send))
        try:
            await asyncio.shield(answering)
        except asyncio.CancelledError:
            # Serve has put `http.disconnect` where the app's `receive` finds it.
            await asyncio.wait({answering}, timeout=_GRACE_S)
            answering.cancel()
            raise
