from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from configs.errors import LineFullError, RefusedError, UnknownKeyError
from configs.request_limits import RequestLimits
from deployments.front_end.app import add_middleware
from deployments.front_end.refusals import answer

ORIGIN = {"Origin": "https://app.example"}
REFUSALS: dict[int, type[RefusedError]] = {401: UnknownKeyError, 429: LineFullError}


class Refuse:
    """ASGI middleware that refuses what names a status, as a guard would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = dict(scope["headers"]).get(b"refuse-with")
        refused = REFUSALS.get(int(status)) if status else None
        if scope["method"] == "OPTIONS":
            refused = None
        app = answer(scope, refused("No.")) if refused else self._app
        await app(scope, receive, send)


def served(*origins: str) -> TestClient:
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"])

    @app.get("/v1/models")
    def models() -> PlainTextResponse:
        return PlainTextResponse("two models", headers={"X-Kind": "list"})

    def guard(app: Any) -> None:
        app.add_middleware(Refuse)

    add_middleware(app, RequestLimits(body_mib=1), lambda: 3, guard)
    return TestClient(app)


def test_head_answers_as_get_does_but_for_the_body() -> None:
    client = served()
    got, head = client.get("/v1/models"), client.head("/v1/models")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers
    assert client.head("/nothing").status_code == 404


@pytest.mark.parametrize("status", REFUSALS)
def test_an_origin_that_is_allowed_reads_refusals(status: int) -> None:
    client = served("https://app.example")
    headers = {**ORIGIN, "Refuse-With": str(status)}
    refused = client.post("/v1/chat/completions", headers=headers)
    assert refused.status_code == status
    assert refused.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert "Retry-After" in refused.headers["access-control-expose-headers"]


def test_a_body_that_is_too_large_is_told_too() -> None:
    client = served("https://app.example")
    refused = client.post("/v1/chat/completions", headers=ORIGIN, content=b"x" * (1 << 21))
    assert refused.status_code == 413
    assert refused.headers["access-control-allow-origin"] == ORIGIN["Origin"]


def test_a_browser_asks_beforehand_without_a_key() -> None:
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST", "Refuse-With": "401"}
    allowed = served("https://app.example").options("/v1/chat/completions", headers=asked)
    assert allowed.status_code == 200
    assert "POST" in allowed.headers["access-control-allow-methods"]


def test_other_origins_read_nothing() -> None:
    client = served("https://app.example")
    other = {"Origin": "https://other.example", "Refuse-With": "401"}
    refused = client.post("/v1/chat/completions", headers=other)
    assert "access-control-allow-origin" not in refused.headers
