import asyncio
from typing import Any

import pytest
from ray.serve._private.http_util import RequestIdMiddleware

from deployments.ray_serve import header_values


@pytest.mark.parametrize("value", [b"caf\xe9", "café".encode(), b"plain", b"\xff\xfe"])
def test_serve_can_decode_every_header(monkeypatch: pytest.MonkeyPatch, value: bytes) -> None:
    monkeypatch.setattr(RequestIdMiddleware, "__call__", RequestIdMiddleware.__call__)
    header_values.install()
    seen: dict[bytes, bytes] = {}
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return None

    scope = {"type": "http", "headers": [(b"x-request-id", value), (b"other", value)]}
    asyncio.run(RequestIdMiddleware(app)(scope, receive, send))
    expected = value if value in ("café".encode(), b"plain") else value.decode("latin-1").encode()
    assert seen == {b"x-request-id": expected, b"other": expected}
    assert dict(sent[0]["headers"])[b"x-request-id"] == expected
