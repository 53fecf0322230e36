import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from deployments.router.retry_after import RetryAfter


def answer(request: Request) -> Response:
    given = {"retry-after": "9"} if "given" in request.query_params else {}
    return Response(status_code=int(request.path_params["status"]), headers=given)


APP = RetryAfter(Starlette(routes=[Route("/{status}", answer)]), wait_s=lambda: 2.1)


@pytest.mark.parametrize(
    ("path", "told"), [("/429", "3"), ("/503", "3"), ("/503?given", "9"), ("/200", None)]
)
def test_who_is_turned_away_hears_when_to_come_again(path: str, told: str | None) -> None:
    assert TestClient(APP).get(path).headers.get("retry-after") == told
