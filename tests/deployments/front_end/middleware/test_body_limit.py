from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from deployments.front_end.middleware.body_limit import BodyLimit

MEBIBYTE = 1 << 20

app = FastAPI()


@app.post("/v1/echo")
async def echo(request: Request) -> int:
    return len(await request.body())


@app.post("/v1/json")
async def parse(body: dict[str, str]) -> int:
    return len(body)


LIMITED = BodyLimit(app, mebibytes=1)
CLIENT = TestClient(LIMITED, headers={"content-type": "application/json"})


def chunks(size: int) -> Iterator[bytes]:
    """Yield the chunks of a JSON body whose length can't be announced."""
    yield b'{"a": "'
    for _ in range(size // 1024):
        yield b"x" * 1024
    yield b'"}'


def test_a_body_up_to_the_limit_is_taken() -> None:
    assert CLIENT.post("/v1/echo", content=b"x" * MEBIBYTE).json() == MEBIBYTE
    assert CLIENT.post("/v1/json", content=chunks(MEBIBYTE // 2)).json() == 1


@pytest.mark.parametrize("path", ["/v1/echo", "/v1/json"])
def test_a_larger_one_is_refused_announced_or_not(path: str) -> None:
    announced = CLIENT.post(path, content=b"x" * (MEBIBYTE + 1))
    unannounced = CLIENT.post(path, content=chunks(MEBIBYTE))
    assert announced.status_code == unannounced.status_code == 413
    assert "larger than the 1 MiB" in announced.json()["error"]["message"]
    assert "larger than the 1 MiB" in unannounced.text


@pytest.mark.parametrize("prefix", ["", "/small4"])
def test_a_refusal_has_the_form_of_the_api_that_was_called(prefix: str) -> None:
    client = TestClient(LIMITED, root_path=prefix)
    answer = client.post(f"{prefix}/v1/messages", content=b"x" * (MEBIBYTE + 1))
    assert answer.json()["error"]["type"] == "request_too_large"
