"""`ray up` on two hosts: one gang spans them, one of them dies and comes back, `ray down`."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import openai
import pytest

from tests.system.cluster_up.cluster import Cluster
from tests.system.cluster_up.host import Host

_CUT_S = 20  # longer than an engine may be silent
MODEL = "mistral-small-4"
# An answer never ends before its last token: a host can die under it.
LONG = {"max_tokens": 150, "extra_body": {"min_tokens": 150}}
QUESTIONS = ("What do you serve?", "What is the capital of Norway?", "Who are you?", "What is 2+2?")


def test_a_gang_on_two_hosts_answers(served: Cluster) -> None:
    async def ask() -> str:
        async with served.client() as client:
            return await told(client, "What do you serve?", max_tokens=64)

    answer = asyncio.run(ask())
    assert answer == "small4 serves Mistral Small 4 from expert-parallel gangs on a Ray cluster."
    ranks = served.status()["ranks"]
    assert [(rank["rank"], rank["experts"]) for rank in ranks] == [(0, [[0, 63]]), (1, [[64, 127]])]
    assert len({rank["node"] for rank in ranks}) == 2


@pytest.mark.parametrize("port", [8265, 8000])
def test_dashboard_and_clients_port_are_on_loopback(served: Cluster, port: int) -> None:
    assert listening(served.head, port) == {"127.0.0.1"}
    assert listening(served.worker, port) == set()


def test_the_server_for_ray_clients_listens_nowhere(served: Cluster) -> None:
    assert not listening(served.head, 10001) | listening(served.worker, 10001)


def test_without_the_token_ray_refuses(served: Cluster) -> None:
    dashboard = "http://127.0.0.1:8265/api/serve/applications/"
    ask = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    assert served.head.run(*ask, dashboard) == "401"
    assert served.head.run(*ask, "-H", "Authorization: Bearer guessed", dashboard) == "403"
    gcs = f"ray status --address {served.head.address}:6379 2>&1"
    assert "AuthenticationError" in served.network.operator.run(
        *("sh", "-c", f"HOME=/tmp RAY_AUTH_MODE=disabled {gcs}"), check=False
    )


@pytest.mark.parametrize("end", ["dies", "has no raylet", "is cut off"])
def test_a_host_that_is_lost_comes_back(served: Cluster, end: str) -> None:
    undisturbed = asyncio.run(answers(served))
    before = served.status()["ranks"]
    lose = {"dies": die, "has no raylet": end_raylet, "is cut off": cut_off}[end]
    assert asyncio.run(answers(served, lose)) == undisturbed
    after = served.status()["ranks"]
    assert len({rank["node"] for rank in after}) == 2
    assert {rank["gang"] for rank in before}.isdisjoint({rank["gang"] for rank in after})


async def die(served: Cluster) -> None:
    """Kill every process of the worker's host but sshd, the first."""
    served.worker.run("kill", "-KILL", "-1", check=False)


async def end_raylet(served: Cluster) -> None:
    """Kill Ray's own process alone: those of ranks must end without it."""
    served.worker.run("pkill", "-KILL", "raylet")


async def cut_off(served: Cluster) -> None:
    """Lose all packets to and from the worker's host for a while, without a reset."""
    operator = served.network.operator
    operator.run("ip", "link", "set", served.worker.name, "down")
    await asyncio.sleep(_CUT_S)
    operator.run("ip", "link", "set", served.worker.name, "up")


def test_ray_down_leaves_nothing(served: Cluster) -> None:
    served.down()
    # Ray on the workers goes a minute after the head.
    wait_until(lambda: not rays(served.head) | rays(served.worker), timeout_s=150)


async def answers(
    served: Cluster, lose: Callable[[Cluster], Awaitable[None]] | None = None
) -> list[str]:
    """Ask all questions at once; lose the worker's host once all answers have begun."""
    begun = [asyncio.Event() for _ in QUESTIONS]
    async with served.client() as client:
        asked = [
            asyncio.create_task(told(client, question, heard, **LONG))
            for question, heard in zip(QUESTIONS, begun, strict=True)
        ]
        if lose is not None:
            for heard in begun:
                await heard.wait()
            assert not any(task.done() for task in asked)
            await lose(served)
        return await asyncio.gather(*asked)


async def told(
    client: openai.AsyncOpenAI,
    question: str,
    heard: asyncio.Event | None = None,
    **options: object,
) -> str:
    stream = await client.chat.completions.create(  # type: ignore[call-overload]
        model=MODEL,
        messages=[{"role": "user", "content": question}],
        temperature=0,
        stream=True,
        **options,
    )
    text = ""
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if heard is not None and text:
            heard.set()
    return text


def listening(host: Host, port: int) -> set[str]:
    """Return the addresses on which a process listens on this port."""
    lines = host.run("ss", "--listening", "--tcp", "--numeric", "--no-header").splitlines()
    addresses = [line.split()[3].rpartition(":") for line in lines]
    return {address.strip("[]") for address, _, at in addresses if at == str(port)}


def rays(host: Host) -> set[str]:
    """Return the processes of a host besides SSH."""
    return {line for line in host.processes() if not line.startswith("ssh")}


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"still not so after {timeout_s} s"
        time.sleep(1)
