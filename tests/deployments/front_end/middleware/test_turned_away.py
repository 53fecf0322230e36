from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from configs.errors import LineFullError
from deployments.front_end.middleware.turned_away import TurnedAway, turn_away


def answer(request: Request) -> Response:
    given = {"retry-after": "9"} if "given" in request.query_params else {}
    return Response(status_code=int(request.path_params["status"]), headers=given)


async def stream(request: Request) -> Response:
    """Start a stream as vLLM's handlers do: send the 200 before the request is queued."""

    async def tokens() -> AsyncIterator[str]:
        if "late" in request.query_params:
            yield "data: begun\n\n"
        if request.query_params:
            turn_away(LineFullError("7 requests wait already"))
            yield 'data: {"error": {}}\n\n'
        yield "data: [DONE]\n\n"

    return StreamingResponse(tokens())


ROUTES = [
    Route("/v1/stream", stream, methods=["POST"]),
    Route("/v1/messages", stream, methods=["POST"]),
    Route("/{status}", answer),
]
APP = TurnedAway(Starlette(routes=ROUTES), retry_after_s=lambda: 2.1)
CLIENT = TestClient(APP)


@pytest.mark.parametrize(
    ("path", "retry_after"), [("/429", "3"), ("/503", "3"), ("/503?given", "9"), ("/200", None)]
)
def test_who_is_turned_away_hears_when_to_come_again(path: str, retry_after: str | None) -> None:
    assert CLIENT.get(path).headers.get("retry-after") == retry_after


def test_a_stream_that_gets_no_rank_is_a_status() -> None:
    answer = CLIENT.post("/v1/stream?full")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "7 requests wait" in answer.json()["error"]["message"]
    assert CLIENT.post("/v1/messages?full").json()["error"]["type"] == "rate_limit_error"
    mounted = TestClient(APP, root_path="/small4").post("/small4/v1/messages?full")
    assert mounted.json()["error"]["type"] == "rate_limit_error"


def test_other_streams_pass() -> None:
    assert CLIENT.post("/v1/stream").text == "data: [DONE]\n\n"
    late = CLIENT.post("/v1/stream?late")
    assert late.status_code == 200
    assert late.text.startswith("data: begun")
    assert "error" in late.text
