"""Makes UTF-8 of header values in another encoding. Read from Ray 2.60.

Serve decodes some headers as UTF-8 before any application sees them, and fails: one letter in
Latin-1 in an `X-Request-Id` was a 500.
"""

from typing import Any


def install() -> None:
    """Make Serve in this process read headers as `decodable` gives them."""
    from ray.serve._private.http_util import RequestIdMiddleware

    call = RequestIdMiddleware.__call__

    async def with_decodable(self: Any, scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, decodable(value)) for name, value in scope.get("headers", ())]
        await call(self, {**scope, "headers": headers}, receive, send)

    RequestIdMiddleware.__call__ = with_decodable


def decodable(value: bytes) -> bytes:
    """Return a header's value in UTF-8; one that isn't is taken for Latin-1."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode()
    return value
