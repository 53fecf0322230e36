"""Anything may come: it is answered or refused, and leaves nothing behind."""

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import hypothesis
import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.core.result import Ok

from tests.system.served.deployed import MODEL, Deployed
from tests.system.served.expert_parallel.asking import router_pids

_CALLS = 1000  # of each kind, over all endpoints
_LONGEST_ANSWER = 4
_SETTLED_S = 30


@pytest.fixture(autouse=True)
def _nothing_is_left(deployed: Deployed) -> Iterator[None]:
    """Check that no request is in an engine, and no file or socket open in a router."""
    before = open_files()
    yield
    deployed.wait_until(
        lambda status: not any(rank["requests"] for rank in status["ranks"]), _SETTLED_S
    )
    deadline_s = time.monotonic() + _SETTLED_S
    while (after := open_files()) > before + len(router_pids()) * 8:  # connections kept alive
        assert time.monotonic() < deadline_s, f"{before} files were open, and now {after}"
        time.sleep(1)


def open_files() -> int:
    return sum(psutil.Process(pid).num_fds() for pid in router_pids())


def test_what_the_api_describes_is_never_an_error_of_the_server(deployed: Deployed) -> None:
    schema = schemathesis.openapi.from_url(f"{deployed.url}/openapi.json")
    operations: list[Any] = [
        result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)
    ]
    assert len(operations) > 10
    settings = hypothesis.settings(
        max_examples=_CALLS // len(operations),
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    for operation in operations:

        @settings
        @hypothesis.given(case=operation.as_strategy())
        def call(case: Any) -> None:
            bound(case.body)
            response = case.call(base_url=deployed.url, timeout=60)
            assert response.status_code < 500, (case.as_curl_command(), response.content[:500])

        call()


def bound(body: Any) -> None:
    """Ask for the model that is served, and a short answer: a long one would only take time."""
    if isinstance(body, dict):
        if "model" in body:
            body["model"] = MODEL
        for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
            if not isinstance(body.get(name), int) or body[name] > _LONGEST_ANSWER:
                body[name] = _LONGEST_ANSWER


def chat(**more: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": _LONGEST_ANSWER,
        "stream": True,
        **more,
    }


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


def huge(draw: random.Random) -> Any:
    return draw.choice((10**400, -(10**400), 2**63, 2**64, 1e308, -1e308, 5e-324, 10**19))


def strange(draw: random.Random) -> str:
    alphabet = "a\0\u202e\ufeff\U0001f600\ud800é\n[INST]</s>"
    return "".join(draw.choices(alphabet, k=draw.randint(0, 60)))


_FIELDS = (
    *("temperature", "top_p", "top_k", "max_tokens", "seed", "n", "stop", "logit_bias", "tools"),
    *("user", "priority", "stream_interval", "chat_template_kwargs", "vllm_xargs", "request_id"),
)
_BODIES: tuple[Callable[[random.Random], bytes], ...] = (
    lambda draw: json.dumps(chat(**{draw.choice(_FIELDS): huge(draw)})).encode(),
    lambda draw: json.dumps(chat(**{draw.choice(_FIELDS): strange(draw)})).encode(),
    lambda draw: json.dumps(chat(messages=nested(draw.randint(1, 400)))).encode(),
    lambda draw: b'{"model":' + b"[" * draw.randint(1, 100_000),
    lambda draw: json.dumps(
        chat(messages=[{"role": "user", "content": strange(draw)}], stop=[strange(draw)])
    ).encode(),
    lambda draw: json.dumps(chat()).encode().replace(b"Hi", draw.randbytes(draw.randint(1, 40))),
    lambda draw: json.dumps(chat()).encode()[: draw.randint(0, 90)],
    lambda draw: b'{"temperature": NaN, "max_tokens": 1e999}',
    lambda draw: draw.randbytes(draw.randint(0, 300)),
)
_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/tokenize")


def test_streams_of_nonsense_are_never_an_error_of_the_server(deployed: Deployed) -> None:
    draw = random.Random(0)
    with httpx.Client(base_url=deployed.url, timeout=60, trust_env=False) as client:
        for _ in range(_CALLS * 9 // 10):
            path, body = draw.choice(_PATHS), draw.choice(_BODIES)(draw)
            headers = {"content-type": "application/json", "x-vllm-priority": str(huge(draw))}
            answer = client.post(path, content=body, headers=headers)
            assert answer.status_code < 500, (path, body[:300], answer.text[:500])


def test_connections_that_are_cut_leave_nothing(deployed: Deployed) -> None:
    """Cut connections in the headers, in the body, before the answer, in the middle of it."""
    draw = random.Random(0)
    address = urlsplit(deployed.url)
    for _ in range(_CALLS // 10):
        body = json.dumps(chat(max_tokens=200)).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        sent = (head + body)[: draw.choice((draw.randint(1, len(head)), len(head) + 20, 10**6))]
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(sent)
            if len(sent) == len(head + body) and draw.random() < 0.5:
                connection.recv(draw.randint(1, 2000))
