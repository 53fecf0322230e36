"""Lets vLLM notice that a client has hung up.

vLLM listens for the disconnect and then aborts the request in the engine. Serve cancels the app
instead, and a cancelled handler of vLLM's leaves its request running to the end. Read from
Ray 2.60, vLLM 0.32.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send


class HangUp:
    """ASGI middleware that, when cancelled, first gives the app `grace_s` to end by itself."""

    def __init__(self, app: ASGIApp, grace_s: float = 5.0) -> None:
        self._app = app
        self._grace_s = grace_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = asyncio.ensure_future(self._app(scope, receive, send))
        try:
            await asyncio.shield(answering)
        except asyncio.CancelledError:
            # Serve has put `http.disconnect` where the app's `receive` finds it.
            await asyncio.wait({answering}, timeout=self._grace_s)
            answering.cancel()
            raise
