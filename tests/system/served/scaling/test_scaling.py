"""Gangs and routers come and go under clients that don't notice.

The order matters: each test begins with the gangs that the test before has left.
"""

import asyncio
from typing import Any

import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.traffic import Traffic, answer, client

TOKENS = 300  # of an answer: so that some move from a gang that goes
FEW, MANY = 1, 10  # clients at once

pytestmark = pytest.mark.timeout(1500)  # gangs come and go at the policy's pace


def test_the_first_requests_wake_a_gang_and_wait_for_it(deployed: Deployed) -> None:
    """Serve begins with as many routers as were there for what was deployed before."""
    asyncio.run(until(deployed, gangs=0, routers=1))

    async def ask() -> list[str]:
        async with client(deployed) as api:
            return await asyncio.gather(
                *(answer(api, deployed.model, number, 8) for number in range(3))
            )

    assert all(asyncio.run(ask()))
    assert running(deployed.status()) == (1, 1)


def test_gangs_and_routers_follow_the_load_and_no_answer_changes(deployed: Deployed) -> None:
    async def expected() -> dict[int, str]:
        async with client(deployed) as api:
            asked = (answer(api, deployed.model, number, TOKENS) for number in range(MANY))
            return dict(enumerate(await asyncio.gather(*asked)))

    async def scene() -> tuple[dict[int, str], Traffic]:
        undisturbed = await expected()
        few, many = Traffic(deployed, FEW, TOKENS), Traffic(deployed, MANY, TOKENS)
        async with few.flowing():
            async with many.flowing():
                await until(deployed, gangs=2, routers=2)
            await until(deployed, gangs=1, routers=1)
        few.answers += many.answers
        return undisturbed, few

    undisturbed, traffic = asyncio.run(scene())
    assert len(traffic.answers) > MANY
    wrong = [number for number, text in traffic.answers if text != undisturbed[number]]
    assert not wrong, f"{len(wrong)} of {len(traffic.answers)} answers changed"


def test_an_idle_gang_goes_and_comes_again(deployed: Deployed) -> None:
    asyncio.run(until(deployed, gangs=0, routers=1))

    async def ask() -> str:
        async with client(deployed) as api:
            return await answer(api, deployed.model, 0, 8)

    assert asyncio.run(ask())


def running(status: dict[str, Any]) -> tuple[int, int]:
    """Count the gangs that take new work, and the routers."""
    gangs = {rank["gang"] for rank in status["ranks"] if not rank["draining"]}
    (routers,) = (
        deployment["running"]
        for deployment in status["deployments"]
        if deployment["name"] == "Router"
    )
    return len(gangs), routers


async def until(deployed: Deployed, *, gangs: int, routers: int) -> None:
    """Wait in a thread: clients go on meanwhile."""
    wanted = gangs, routers
    await asyncio.to_thread(deployed.wait_until, lambda now: running(now) == wanted, 600)
