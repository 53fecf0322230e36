"""Several routers in one process, with the service that they share."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from configs.errors import QuotaError
from configs.keys import Key
from deployments.access import allowances as allowances_module
from deployments.access.allowance import Allowance
from deployments.access.allowances import Allowances
from tests.deployments.access.keys import key
from tests.deployments.access.quota_service import Service

ROUTERS = 3


@pytest.fixture(autouse=True)
def _no_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let routers send messages only when they need to."""
    monkeypatch.setattr(allowances_module, "RENEW_EVERY_S", 1000)


def run(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene; fail if it waits for ever."""
    asyncio.run(asyncio.wait_for(scene, timeout=30))


async def routers(service: Any) -> list[Allowances]:
    return [Allowances(service, str(name), ROUTERS) for name in range(ROUTERS)]


async def let_in(allowances: Allowances, limited: Key, requests: int) -> list[Allowance]:
    """Begin so many requests at once; return the allowances of those that may."""
    answers = await asyncio.gather(
        *(allowances.begin(limited) for _ in range(requests)), return_exceptions=True
    )
    assert all(isinstance(answer, Allowance | QuotaError) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Allowance)]


@pytest.mark.parametrize("limit", [1, 5, 200])
def test_three_routers_let_in_what_the_limit_says(limit: int) -> None:
    async def scene() -> None:
        limited = key(requests_per_minute=limit)
        several = await routers(Service())
        let = await asyncio.gather(*(let_in(router, limited, 2 * limit) for router in several))
        assert 0.95 * limit <= sum(map(len, let)) <= limit

    run(scene())


def test_most_requests_cost_no_message() -> None:
    async def scene() -> None:
        service = Service()
        (router, *_) = await routers(service)
        for _ in range(500):
            router.end(await router.begin(key(requests_per_minute=100_000)))
        assert service.messages < 25

    run(scene())


def test_a_stream_that_ends_at_one_router_makes_room_at_another() -> None:
    async def scene() -> None:
        limited = key(streams=2)
        service = Service()
        first, second, _ = await routers(service)
        held = await let_in(first, limited, 3)
        assert len(held) == 2
        assert not await let_in(second, limited, 1)
        first.end(held[0])
        await service.granted("0", lambda ask: ask.streams == 1)
        assert len(await let_in(second, limited, 2)) == 1

    run(scene())


def test_who_is_refused_for_one_limit_uses_up_no_other() -> None:
    async def scene() -> None:
        limited = key(streams=3, requests_per_minute=60)
        service = Service()
        first, second, _ = await routers(service)
        for allowance in await let_in(first, limited, 60):
            first.end(allowance)
        await service.granted("0", lambda ask: ask.streams == 0)
        for _ in range(57):
            second.end(await second.begin(limited))

    run(scene())


def test_a_limit_that_comes_later_counts_from_then() -> None:
    async def scene() -> None:
        (router, *_) = await routers(Service())
        for _ in range(50):
            allowance = await router.begin(key())
            allowance.spend(1000)
            router.end(allowance)
        router.end(await router.begin(key(requests_per_minute=5, tokens_per_minute=100)))

    run(scene())


def test_tokens_are_counted_when_they_are_known() -> None:
    async def scene() -> None:
        limited = key(tokens_per_minute=1000)
        service = Service()
        first, second, _ = await routers(service)
        allowance = await first.begin(limited)
        await first.prompt(allowance, 600)
        allowance.spend(500)  # the answer overruns
        await service.granted("0", lambda ask: ask.owed_tokens > 0)
        with pytest.raises(QuotaError, match="1000 tokens per minute") as caught:
            await second.begin(limited)
        assert caught.value.headers["x-ratelimit-remaining-tokens"] == "0"
        assert 50 < int(caught.value.headers["Retry-After"]) <= 61

    run(scene())


def test_many_large_prompts_at_once_overrun_by_one_at_each_router() -> None:
    async def scene() -> None:
        limited = key(tokens_per_minute=1000)
        (router, *_) = await routers(Service())

        async def ask() -> int:
            allowance = await router.begin(limited)
            await router.prompt(allowance, 400)
            return 400

        asked = await asyncio.gather(*(ask() for _ in range(50)), return_exceptions=True)
        assert sum(tokens for tokens in asked if isinstance(tokens, int)) <= 1400

    run(scene())


def test_without_the_service_each_router_keeps_its_part() -> None:
    async def scene() -> None:
        service = Service()
        service.gone = True
        limited = key(requests_per_minute=30)
        several = await routers(service)
        let = await asyncio.gather(*(let_in(router, limited, 30) for router in several))
        assert [len(allowances) for allowances in let] == [10] * ROUTERS

    run(scene())


@pytest.mark.parametrize("turns", range(6))
def test_a_router_that_ends_as_it_is_woken_ends(turns: int) -> None:
    async def scene() -> None:
        before = asyncio.all_tasks()
        (router, *_) = await routers(Service())
        await asyncio.sleep(0)  # all begin to wait
        request = asyncio.create_task(router.begin(key(requests_per_minute=100)))
        for _ in range(turns):
            await asyncio.sleep(0)
        ending = asyncio.all_tasks() - before - {request}
        for task in ending:
            task.cancel()
        _, left = await asyncio.wait(ending, timeout=10)
        assert not left

    run(scene())
