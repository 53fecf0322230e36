"""Tests the order of middleware; `tests/system/served` tests what the application answers."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from configs.errors import LineFullError
from configs.request_limits import RequestLimits
from deployments.front_end.app import add_middleware
from deployments.front_end.middleware.body_limit import BodyLimit
from deployments.front_end.middleware.effort_used import EffortUsed
from deployments.front_end.middleware.hang_up import HangUp
from deployments.front_end.middleware.head import Head
from deployments.front_end.middleware.time_limit import TimeLimit
from deployments.front_end.middleware.turned_away import TurnedAway
from deployments.front_end.refusals import answer
from tests.deployments.router.whole_router import whole_router

MEBIBYTE = 1 << 20


class RefuseAll:
    """ASGI middleware that refuses every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, LineFullError("Not now."))(scope, receive, send)


class RefusingGuard:
    def check(self) -> None: ...

    def install(self, app: FastAPI) -> None:
        app.add_middleware(RefuseAll)


def test_what_the_guard_adds_stands_between_ours_and_vllms() -> None:
    async def scene() -> list[object]:
        async with whole_router(guard=RefusingGuard(), weights={}) as router:
            return [middleware.cls for middleware in router.app.user_middleware]

    outermost_first = asyncio.run(scene())
    ours = [HangUp, CORSMiddleware, Head, TimeLimit, TurnedAway, EffortUsed, BodyLimit, RefuseAll]
    assert outermost_first[: len(ours)] == ours
    assert outermost_first[len(ours) :]


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    add_middleware(app, RequestLimits(body_mib=1), lambda: 2.1, RefusingGuard().install)
    return TestClient(app)


def test_what_the_guard_refuses_gets_a_retry_after(client: TestClient) -> None:
    response = client.post("/v1/chat/completions")
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")


def test_a_body_that_is_too_large_doesnt_reach_the_guard(client: TestClient) -> None:
    response = client.post("/v1/chat/completions", content=b"x" * (MEBIBYTE + 1))
    assert response.status_code == 413
