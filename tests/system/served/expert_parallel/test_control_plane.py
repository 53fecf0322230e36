"""What is around routers and gangs dies or hangs: the roster, HAProxy, a router."""

import asyncio
import signal
import time

import openai

from tests.system.served.deployed import Deployed
from tests.system.served.processes import processes, proxies
from tests.system.served.streams import GREEDY, LONG, Streams, answers_despite

_ROSTER = "ray::ServeReplica:small4:Roster"
_ROUTER = "ray::ServeReplica:small4:Router"


def test_streams_outlive_the_roster(deployed: Deployed) -> None:
    expected = asyncio.run(Streams(deployed.url, deployed.model, GREEDY).answers())
    before = deployed.status()
    (roster,) = processes(_ROSTER)
    answers = asyncio.run(answers_despite(deployed, GREEDY, roster.pid, signal.SIGKILL))
    assert answers == expected
    now = deployed.wait_until(lambda status: len(status["ranks"]) == 2, timeout_s=120)
    assert [rank["engine_pid"] for rank in now["ranks"]] == [
        rank["engine_pid"] for rank in before["ranks"]
    ]
    assert asyncio.run(Streams(deployed.url, deployed.model, GREEDY).answers()) == expected


def test_the_door_opens_again_after_haproxy_dies(deployed: Deployed, client: openai.OpenAI) -> None:
    for haproxy in proxies():
        haproxy.kill()
        haproxy.wait(timeout=10)
    ask_until_answered(client, deployed.model)
    deployed.wait_until(lambda status: status["status"] == "RUNNING", timeout_s=60)


def ask_until_answered(client: openai.OpenAI, model: str) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        try:
            client.completions.create(model=model, prompt="Who?", max_tokens=2)
            return
        except openai.APIError:
            assert time.monotonic() < deadline_s
            time.sleep(0.5)


def test_a_router_that_hangs_is_replaced_and_keeps_nobody_else(
    deployed: Deployed, client: openai.OpenAI
) -> None:
    before = processes(_ROUTER)
    assert len(before) == 3
    expected = asyncio.run(Streams(deployed.url, deployed.model, LONG[:1]).answers())

    async def scene() -> tuple[int, int]:
        """Return how many streams were cut with their router, and how many of the others are right.

        Meanwhile new requests are answered, by other routers.
        """
        began = [Streams(deployed.url, deployed.model, [request]) for request in LONG]
        answers = [asyncio.create_task(streams.answers()) for streams in began]
        for streams in began:
            await streams.begun.wait()
        before[0].send_signal(signal.SIGSTOP)
        for _ in range(10):
            await asyncio.to_thread(ask_until_answered, client, deployed.model)
        ended = await asyncio.gather(*answers, return_exceptions=True)
        cut = [answer for answer in ended if isinstance(answer, openai.APIError)]
        return len(cut), sum(answer == expected for answer in ended)

    cut, right = asyncio.run(scene())
    assert cut + right == len(LONG), (cut, right)
    assert right > 0
    before[0].wait(timeout=120)  # Serve ends it
    idle = deployed.wait_until(
        lambda status: all(rank["requests"] == 0 for rank in status["ranks"]), timeout_s=30
    )
    assert idle["status"] in ("RUNNING", "UNHEALTHY", "DEPLOYING")
    deployed.wait_until(lambda status: status["status"] == "RUNNING", timeout_s=120)
    now = processes(_ROUTER)
    assert len(now) == 3
    assert before[0].pid not in {router.pid for router in now}
