"""What a client gets of a request that takes too long, and that the application hears of it."""

import asyncio
import json
from collections.abc import AsyncIterator

import anthropic
import httpx2
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from deployments.front_end.middleware.time_limit import TimeLimit

FOREVER = 60.0
LIMIT_S = 0.2


class Answering:
    """An application whose answers never end; it counts those that it was made to give up."""

    def __init__(self) -> None:
        self.given_up = 0
        paths = ("/v1/chat/completions", "/v1/messages")
        streams = [Route(path, self._stream, methods=["POST"]) for path in paths]
        silent = Route("/v1/completions", self._silent, methods=["POST"])
        self.app = Starlette(routes=[*streams, silent, Route("/health", self._healthy)])

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._tokens(), media_type="text/event-stream")

    async def _tokens(self) -> AsyncIterator[str]:
        try:
            yield 'event: ping\ndata: {"choices": []}\n\n'
            await asyncio.sleep(FOREVER)
        finally:
            self.given_up += 1

    async def _silent(self, request: Request) -> Response:
        """Wait as vLLM's handlers do, which listen for the disconnect."""
        await request.body()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.given_up += 1
        return Response("null")

    async def _healthy(self, request: Request) -> Response:
        return PlainTextResponse("well")


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def transport(answering: Answering) -> httpx2.ASGITransport:
    return httpx2.ASGITransport(TimeLimit(answering.app, LIMIT_S))


def test_a_stream_ends_with_an_error_that_openais_client_raises(
    answering: Answering, transport: httpx2.ASGITransport
) -> None:
    async def scene() -> None:
        http = httpx2.AsyncClient(transport=transport)
        async with openai.AsyncOpenAI(
            base_url="http://router/v1", api_key="none", max_retries=0, http_client=http
        ) as client:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            with pytest.raises(openai.APIError, match=r"longer than 0\.2 s"):
                async for _ in stream:
                    pass

    asyncio.run(scene())
    assert answering.given_up == 1


def test_a_stream_of_messages_ends_with_an_error_that_anthropics_client_raises(
    answering: Answering, transport: httpx2.ASGITransport
) -> None:
    async def scene() -> None:
        http = httpx2.AsyncClient(transport=transport)
        async with anthropic.AsyncAnthropic(
            base_url="http://router", api_key="none", max_retries=0, http_client=http
        ) as client:
            stream = await client.messages.create(model="m", messages=[], max_tokens=1, stream=True)
            with pytest.raises(anthropic.APIError, match="timeout_error"):
                async for _ in stream:
                    pass

    asyncio.run(scene())
    assert answering.given_up == 1


def test_an_answer_that_has_not_begun_is_a_504(
    answering: Answering, transport: httpx2.ASGITransport
) -> None:
    async def scene() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=transport, base_url="http://router") as client:
            return await client.post("/v1/completions", json={})

    response = asyncio.run(scene())
    assert response.status_code == 504
    assert "longer than 0.2 s" in response.json()["error"]["message"]
    assert answering.given_up == 1


def test_what_ends_in_time_passes(transport: httpx2.ASGITransport) -> None:
    async def scene() -> str:
        async with httpx2.AsyncClient(transport=transport, base_url="http://router") as client:
            return (await client.get("/health")).text

    assert asyncio.run(scene()) == "well"


def test_an_application_that_raises_is_heard() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("no")

    async def send(message: Message) -> None: ...

    with pytest.raises(ValueError, match="no"):
        asyncio.run(TimeLimit(app, FOREVER)({"type": "http"}, asyncio.Queue().get, send))


def test_who_cancels_the_request_cancels_the_application() -> None:
    async def scene() -> None:
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            begun.set()
            try:
                await receive()
            finally:
                cancelled.set()

        async def send(message: Message) -> None: ...

        limited = TimeLimit(app, FOREVER)({"type": "http"}, asyncio.Queue().get, send)
        task = asyncio.ensure_future(limited)
        await begun.wait()
        task.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({task})
            await cancelled.wait()

    asyncio.run(scene())


def test_the_event_is_one_that_any_client_can_read() -> None:
    answering, sent = Answering(), []

    async def send(message: Message) -> None:
        sent.append(message)

    async def scene() -> None:
        requests: asyncio.Queue[Message] = asyncio.Queue()
        requests.put_nowait({"type": "http.request"})
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
        await TimeLimit(answering.app, limit_s=0.05)(scope, requests.get, send)

    asyncio.run(scene())
    event, data, *_ = sent[-1]["body"].decode().splitlines()
    assert event == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["code"] == 504
    assert not sent[-1].get("more_body")
