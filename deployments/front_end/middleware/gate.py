"""Lets only requests with a valid key pass, and no more of them than the key may send."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import ForbiddenModelError, QuotaError, RefusedError, UnknownKeyError
from configs.keys import Key
from deployments.access.allowances import Allowances
from deployments.access.caller import Caller, caller
from deployments.access.key_ring import KeyRing
from deployments.front_end.refusals import answer
from deployments.front_end.route_path import route_path

# Monitoring has no key.
_OPEN = ("/health", "/ping", "/metrics")


class Gate:
    """ASGI middleware that refuses requests without a key for `model`, or beyond its limits."""

    def __init__(self, app: ASGIApp, ring: KeyRing, allowances: Allowances, model: str) -> None:
        self._app = app
        self._ring = ring
        self._allowances = allowances
        self._model = model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        needs_key = scope["type"] in ("http", "websocket") and scope.get("method") != "OPTIONS"
        if not needs_key or route_path(scope) in _OPEN:
            await self._app(scope, receive, send)
            return
        key = self._ring.find(_presented(Headers(scope=scope)))
        if key is None or (key.models is not None and self._model not in key.models):
            await _refuse(self._refusal(key), scope, receive, send)
        elif scope["type"] == "websocket" or scope["method"] == "POST":
            await self._limited(key, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, key: Key | None) -> RefusedError:
        if key is not None:
            return ForbiddenModelError(
                f"The key {key.name!r} may not use the model {self._model!r}."
            )
        return UnknownKeyError(
            "Send a valid API key, as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
            {"WWW-Authenticate": "Bearer"},
        )

    async def _limited(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            allowance = await self._allowances.begin(key)
        except QuotaError as refused:
            await _refuse(refused, scope, receive, send)
            return
        current = Caller(allowance, self._allowances)
        before = caller.set(current)

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(current.headers())
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            caller.reset(before)
            self._allowances.end(allowance)


def _presented(headers: Headers) -> str:
    """Return the key as OpenAI's or Anthropic's clients send it; empty if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


async def _refuse(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, refused)(scope, receive, send)
