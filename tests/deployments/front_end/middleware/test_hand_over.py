"""What clients get of requests that another application answers, over real connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from deployments.front_end.middleware.body_limit import BodyLimit
from deployments.front_end.middleware.hand_over import HandOver, forwarding_client
from deployments.router.successor import RosterSuccessor
from deployments.wire.handover import Handover

_NOBODY = 9  # the discard protocol's port


class Application:
    """Says its name and what it was sent; its streams wait between two chunks until `go` is set."""

    def __init__(self, name: str, status: int = 200) -> None:
        self.name = name
        self.go = asyncio.Event()
        self.given_up = asyncio.Event()
        self.status = status
        paths = {"/v1/echo": self._echo, "/v1/stream": self._stream, "/other/v1/echo": self._echo}
        paths |= {"/other/v1/stream": self._stream}
        routes = [Route(path, answer, methods=["GET", "POST"]) for path, answer in paths.items()]
        self.app: ASGIApp = Starlette(routes=routes)

    async def _echo(self, request: Request) -> Response:
        body = (await request.body()).decode()
        said = {"by": self.name, "body": body, "query": request.url.query}
        return JSONResponse(said, self.status, {"x-key": request.headers.get("x-key", "")})

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._chunks(), media_type="text/event-stream")

    async def _chunks(self) -> AsyncIterator[str]:
        yield f"data: {self.name}\n\n"
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        yield "data: [DONE]\n\n"


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an application on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def two(
    other: Application, share: float
) -> AsyncIterator[tuple[httpx.AsyncClient, RosterSuccessor]]:
    """Give a client of an application that hands over to the other."""
    successor = RosterSuccessor(roster=None)
    async with listening(other.app) as there, forwarding_client() as http:
        successor.take(Handover(hosts=("127.0.0.1",), port=there, prefix="/other", share=share))
        async with (
            listening(HandOver(Application("here").app, successor, http)) as here,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{here}", trust_env=False) as client,
        ):
            yield client, successor


async def all_over(successor: RosterSuccessor) -> RosterSuccessor:
    """Wait until the middleware has ended what the client has the end of."""
    async with asyncio.timeout(5):
        while successor.handed_over or successor.kept:  # noqa: ASYNC110 - counts, not events
            await asyncio.sleep(0.01)
    return successor


def test_the_other_applications_answer_is_passed_on_as_it_is() -> None:
    async def scene() -> httpx.Response:
        async with two(Application("there"), share=1.0) as (client, _):
            return await client.post("/v1/echo?a=b", content="words", headers={"x-key": "secret"})

    response = asyncio.run(scene())
    assert response.json() == {"by": "there", "body": "words", "query": "a=b"}
    assert response.headers["x-key"] == "secret"
    assert response.headers.get_list("content-length") == [str(len(response.content))]


def test_a_stream_comes_chunk_by_chunk() -> None:
    async def scene() -> tuple[str, str, int]:
        other = Application("there")
        async with two(other, share=1.0) as (client, successor):
            async with client.stream("POST", "/v1/stream") as response:
                lines = response.aiter_lines()
                first, during = await anext(lines), successor.handed_over
                other.go.set()
                rest = "".join([line async for line in lines])
            await all_over(successor)
            return first, rest, during

    assert asyncio.run(scene()) == ("data: there", "data: [DONE]", 1)


def test_as_many_go_there_as_the_share_says() -> None:
    async def scene() -> list[str]:
        async with two(Application("there"), share=0.25) as (client, _):
            return [(await client.post("/v1/echo")).json()["by"] for _ in range(40)]

    answered = asyncio.run(scene())
    assert 9 <= answered.count("there") <= 11
    assert "there" in answered[:5]  # spread, not in a row


def test_what_creates_no_work_stays() -> None:
    async def scene() -> httpx.Response:
        async with two(Application("there"), share=1.0) as (client, _):
            return await client.get("/v1/echo")

    assert asyncio.run(scene()).json()["by"] == "here"


@pytest.mark.parametrize(
    ("breaks", "failed"),
    [
        (lambda successor: _elsewhere(successor, port=_NOBODY), 1),
        (lambda successor: _elsewhere(successor, prefix="/unknown"), 0),
        (None, 1),
    ],
    ids=["nobody", "unknown", "error"],
)
def test_what_the_other_cannot_answer_is_answered_here(
    breaks: Callable[[RosterSuccessor], None] | None, failed: int
) -> None:
    async def scene() -> tuple[httpx.Response, RosterSuccessor]:
        other = Application("there", status=200 if breaks else 503)
        async with two(other, share=1.0) as (client, successor):
            if breaks:
                breaks(successor)
            return await client.post("/v1/echo", content="words"), await all_over(successor)

    response, successor = asyncio.run(scene())
    assert response.json() == {"by": "here", "body": "words", "query": ""}
    assert successor.failed == failed


def _elsewhere(successor: RosterSuccessor, port: int = 0, prefix: str = "/other") -> None:
    handover = successor._handover
    assert handover is not None
    successor.take(handover.model_copy(update={"prefix": prefix, "port": port or handover.port}))


def test_a_hang_up_reaches_the_other_application() -> None:
    async def scene() -> int:
        other = Application("there")
        async with two(other, share=1.0) as (client, successor):
            async with client.stream("POST", "/v1/stream") as response:
                await anext(response.aiter_lines())
            async with asyncio.timeout(5):
                await other.given_up.wait()
            return (await all_over(successor)).failed

    assert asyncio.run(scene()) == 0


def test_a_body_that_grows_too_large_is_refused_as_ever() -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(1 << 19)

    async def scene() -> int:
        successor = RosterSuccessor(roster=None)
        successor.take(Handover(hosts=("127.0.0.1",), port=_NOBODY, prefix="", share=1.0))
        async with forwarding_client() as http:
            app = BodyLimit(HandOver(Application("here").app, successor, http), mebibytes=1)
            async with (
                listening(app) as here,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{here}", trust_env=False) as client,
            ):
                return (await client.post("/v1/echo", content=body())).status_code

    assert asyncio.run(scene()) == 413
