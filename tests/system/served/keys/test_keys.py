"""Who may ask, and how much, over three routers, with the official clients."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anthropic
import httpx
import openai
import pytest

from configs.environment import dashboard_address, ray_authorization
from tests.deployments.access.keys import key
from tests.system.served.deployed import Deployed
from tests.system.served.keys.asking import client, complete
from tests.system.served.keys.clients import KEYS, write_keys

_AT_ONCE = 24


def test_a_key_opens_both_apis(deployed: Deployed) -> None:
    with client(deployed, "many") as api:
        assert complete(api, deployed) > 4
        assert [model.id for model in api.models.list()] == [deployed.model]
    with anthropic.Anthropic(base_url=deployed.url, api_key="many", max_retries=0) as claude:
        message = claude.messages.create(
            model=deployed.model, max_tokens=4, messages=[{"role": "user", "content": "Hello!"}]
        )
        assert message.usage.output_tokens > 0


def test_without_a_valid_key_nothing_is_served(deployed: Deployed) -> None:
    with client(deployed, "wrong") as api, pytest.raises(openai.AuthenticationError):
        complete(api, deployed)
    with (
        anthropic.Anthropic(base_url=deployed.url, api_key="wrong", max_retries=0) as claude,
        pytest.raises(anthropic.AuthenticationError),
    ):
        claude.messages.create(
            model=deployed.model, max_tokens=4, messages=[{"role": "user", "content": "Hello!"}]
        )
    with client(deployed, "elsewhere") as api, pytest.raises(openai.PermissionDeniedError):
        complete(api, deployed)


def test_requests_per_minute_hold_over_all_routers(deployed: Deployed) -> None:
    answers = at_once(deployed, "requests", 90)
    served = [answer for answer in answers if answer.is_success]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(refused) == 90
    assert 57 <= len(served) <= 60
    assert all(1 <= int(answer.headers["retry-after"]) <= 61 for answer in refused)
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"60"}


def test_tokens_per_minute_hold_over_all_routers(deployed: Deployed) -> None:
    answers = [answer for _ in range(40) for answer in at_once(deployed, "tokens", 1, tokens=4)]
    served = [answer for answer in answers if answer.is_success]
    used = [answer.json()["usage"]["total_tokens"] for answer in served]
    # Each router may let a last one in, with what it has taken ahead.
    assert 190 <= sum(used) <= 200 + 3 * max(used)
    assert {answer.status_code for answer in answers[-3:]} == {429}
    assert answers[-1].headers["x-ratelimit-remaining-tokens"] == "0"


def test_streams_at_once_hold_over_all_routers(deployed: Deployed) -> None:
    statuses = [answer.status_code for answer in at_once(deployed, "streams", 12, tokens=150)]
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) >= 3
    wait_until(deployed, "streams", 1, 200)  # they are given back


def test_keys_come_and_go_without_a_restart(deployed: Deployed, keys_file: Path) -> None:
    try:
        write_keys(keys_file, [*KEYS[1:], key("new")])
        wait_until(deployed, "new", 6, 200)
        wait_until(deployed, "interactive", 6, 401)
    finally:
        write_keys(keys_file, KEYS)
        wait_until(deployed, "interactive", 6, 200)


def test_when_the_quotas_are_gone_requests_go_on(deployed: Deployed) -> None:
    address = f"{dashboard_address()}/api/serve/applications/"
    applications = httpx.get(address, headers=ray_authorization()).json()
    (quotas,) = applications["applications"]["small4"]["deployments"]["Quotas"]["replicas"]
    os.kill(quotas["pid"], signal.SIGKILL)
    statuses = [answer.status_code for answer in at_once(deployed, "streams", 3)]
    assert 200 in statuses
    deployed.wait_until(lambda status: status["status"] == "RUNNING", timeout_s=60)


def wait_until(deployed: Deployed, key: str, requests: int, status: int) -> None:
    """Ask until all routers answer with a status; they look at the keys file once a second."""
    deadline_s = time.monotonic() + 30
    while {answer.status_code for answer in at_once(deployed, key, requests)} != {status}:
        assert time.monotonic() < deadline_s, f"not all routers answer {status}"


def at_once(deployed: Deployed, key: str, requests: int, tokens: int = 2) -> list[httpx.Response]:
    def ask(_: int) -> httpx.Response:
        return httpx.post(
            f"{deployed.url}/v1/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": deployed.model, "prompt": "The sea", "max_tokens": tokens},
            timeout=120,
        )

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(ask, range(requests)))
