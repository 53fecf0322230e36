"""Tests the gate before a small application, with the real keys and limits behind it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from configs.access import Access
from configs.errors import QuotaError
from deployments.access.allowances import Allowances
from deployments.access.caller import caller
from deployments.access.key_ring import KeyRing
from deployments.front_end.middleware.gate import Gate
from tests.deployments.access.keys import key
from tests.deployments.access.quota_service import Service

PROMPT_TOKENS = 60
KEYS = [
    key("free"),
    key("slow", requests_per_minute=2),
    key("short", tokens_per_minute=100),
    key("elsewhere", models=("another-model",)),
]


async def key_name(_: Request) -> Response:
    current = caller.get()
    return PlainTextResponse(current.key.name if current else "no key")


async def think(_: Request) -> Response:
    current = caller.get()
    assert current is not None
    try:
        await current.prompt("request", PROMPT_TOKENS)
        await current.prompt("request", PROMPT_TOKENS)  # for a second answer
    except QuotaError as error:
        return PlainTextResponse(str(error), 429, error.headers)
    return PlainTextResponse("thought")


async def accept(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


@pytest.fixture
def gated(tmp_path: Path) -> ASGIApp:
    path = tmp_path / "keys.yaml"
    path.write_text(yaml.safe_dump({"keys": [key.model_dump(by_alias=True) for key in KEYS]}))
    routes = [
        Route("/v1/key-name", key_name, methods=["GET", "POST"]),
        Route("/v1/messages", key_name, methods=["POST"]),
        Route("/v1/think", think, methods=["POST"]),
        Route("/health", key_name),
        WebSocketRoute("/v1/live", accept),
    ]
    app = Starlette(routes=routes)

    async def lazily(scope: Scope, receive: Receive, send: Send) -> None:
        gate = app.state.gate = getattr(app.state, "gate", None) or Gate(
            app,
            KeyRing(Access(keys_file=path)),
            Allowances(Service(), "router", 1),  # needs a running loop
            "mistral-small-4",
        )
        await gate(scope, receive, send)

    return lazily


@pytest.fixture
def client(gated: ASGIApp) -> Iterator[TestClient]:
    with TestClient(gated) as client:
        yield client


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.mark.parametrize(
    "headers", [bearer("free"), {"Authorization": "bearer free"}, {"x-api-key": "free"}]
)
def test_a_valid_key_passes_and_is_known(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/key-name", headers=headers).text == "free"


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic free"}])
def test_who_has_none_is_told_how_to_send_it(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get("/v1/key-name", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "x-api-key" in answer.json()["error"]["message"]
    assert client.post("/v1/messages", headers=headers).json()["error"]["type"] == (
        "authentication_error"
    )
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/live", headers=headers):
        pass


def test_a_key_for_another_model_is_forbidden_this_one(client: TestClient) -> None:
    answer = client.post("/v1/key-name", headers=bearer("elsewhere"))
    assert answer.status_code == 403
    assert "mistral-small-4" in answer.json()["error"]["message"]


def test_watching_takes_no_key(client: TestClient) -> None:
    assert client.get("/health").text == "no key"


def test_a_route_prefix_changes_nothing(gated: ASGIApp) -> None:
    with TestClient(gated, root_path="/small4") as client:
        assert client.get("/small4/health").text == "no key"
        assert client.get("/small4/health/v1/key-name").status_code == 401
        assert client.post("/small4/v1/key-name", headers=bearer("free")).text == "free"
        assert client.post("/small4/v1/messages").json()["error"]["type"] == "authentication_error"


def test_requests_are_counted_down_and_then_refused(client: TestClient) -> None:
    answers = [client.post("/v1/key-name", headers=bearer("slow")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert left == ["1", "0", "0"]
    assert 55 < int(answers[2].headers["retry-after"]) <= 61
    assert "2 requests per minute" in answers[2].json()["error"]["message"]
    assert client.get("/v1/key-name", headers=bearer("slow")).status_code == 200  # asks for nothing


def test_a_prompt_counts_once_for_all_its_answers(client: TestClient) -> None:
    answers = [client.post("/v1/think", headers=bearer("short")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining-tokens"] == "40"
    assert 50 < int(answers[2].headers["retry-after"]) <= 61


def test_many_at_once_are_told_apart(client: TestClient) -> None:
    async def scene() -> list[str]:
        async def ask(name: str) -> str:
            return (await asyncio.to_thread(client.post, "/v1/key-name", headers=bearer(name))).text

        return await asyncio.gather(*(ask(name) for name in ("free", "short") * 10))

    assert asyncio.run(scene()) == ["free", "short"] * 10
