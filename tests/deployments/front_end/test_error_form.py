"""Tests the handlers in an application under a prefix; `tests/system/served` tests the rest."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from deployments.front_end import error_form


@pytest.fixture(params=["", "/small4"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(prefix: str) -> TestClient:
    app = FastAPI()

    @app.post("/v1/messages/count")
    @app.post("/v1/count")
    async def count(body: list[int]) -> int:
        return len(body)

    app.state.args = SimpleNamespace(log_error_stack=False)
    error_form.install(app)
    return TestClient(app, root_path=prefix)


def test_errors_have_the_form_of_the_api_that_was_called(client: TestClient, prefix: str) -> None:
    body = client.post(f"{prefix}/v1/messages/count", json={}).json()
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert client.post(f"{prefix}/v1/count", json={}).json()["error"]["code"] == 400
    assert client.get(f"{prefix}/v1/messages/no").json()["error"]["type"] == "not_found_error"
