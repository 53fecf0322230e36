"""Who goes first and who yields: by class, and by what a request's key may have."""

import asyncio

import pytest

from deployments.access.allowances import Allowances
from deployments.access.caller import Caller, caller
from deployments.router.flight import Flight
from deployments.router.refusals import UsedUpError
from deployments.shard.resume import RESUME
from deployments.wire import Load
from tests.deployments.access.keys import key
from tests.deployments.access.test_allowances import Service
from tests.deployments.router.fake_shard import FakeShard, request
from tests.deployments.router.test_admission import core_of, fill, report_full
from tests.deployments.router.test_engine_core import play


def test_a_higher_class_goes_first() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        await fill(core, shard)
        later, sooner = request("later"), request("sooner")
        later.priority, sooner.priority = 1, -1
        tasks = [asyncio.create_task(core.add_request_async(one)) for one in (later, sooner)]
        await asyncio.sleep(0.1)
        await shard.report(Load(requests=7))
        assert (await shard.requests.get()).request_id == "sooner/0"
        for task in tasks:
            task.cancel()
        await core.close()

    play(scene)


def test_batch_yields_at_once_and_goes_on_with_what_it_had() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        batch = [request(f"batch{number}") for number in range(8)]
        for one in batch:
            one.priority = 1
            await core.add_request_async(one)
            await shard.say((await shard.requests.get()).request_id, [7])
        await shard.say("batch5/0", [8])
        while not core._flights["batch5"].tokens[1:]:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        await report_full(core, shard)
        await core.add_request_async(request("now"))
        assert await shard.aborts.get() == ["batch0/0"]
        assert (await shard.requests.get()).request_id == "now/0"
        await shard.report(Load(requests=7))
        continued = await shard.requests.get()
        assert continued.request_id == "batch0/1"
        assert continued.sampling_params is not None
        assert continued.sampling_params.extra_args == {RESUME: [7]}
        await core.close()

    play(scene)


def test_a_request_has_the_class_of_its_key_or_a_lower() -> None:
    async def scene() -> None:
        allowances = Allowances(Service(), "router", 1)
        tiers = {}
        for tier in ("interactive", "standard", "batch"):
            owner = key(tier, weight=2, **{"class": tier})
            its = Caller(await allowances.begin(owner), allowances)
            for priority in (-1, 0, 1):
                one = request()
                one.priority = priority
                ticket = Flight(one, its).ticket
                assert (ticket.key, ticket.weight) == (tier, 2)
                tiers[tier, priority] = ticket.tier.name
        assert tiers == {
            ("interactive", -1): "INTERACTIVE",
            ("interactive", 0): "INTERACTIVE",
            ("interactive", 1): "BATCH",
            ("standard", -1): "STANDARD",
            ("standard", 0): "STANDARD",
            ("standard", 1): "BATCH",
            ("batch", -1): "BATCH",
            ("batch", 0): "BATCH",
            ("batch", 1): "BATCH",
        }

    play(scene)


def test_a_key_pays_for_prompt_and_answer_and_is_refused_without_tokens() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        allowances = Allowances(Service(), "router", 1)
        allowance = await allowances.begin(key(tokens_per_minute=40))
        caller.set(Caller(allowance, allowances))
        await core.add_request_async(request("first", prompt_tokens=30))
        await shard.say((await shard.requests.get()).request_id, [7] * 9)
        while not core._flights["first"].tokens:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        await core.add_request_async(request("second", prompt_tokens=30))
        with pytest.raises(UsedUpError, match="40 tokens per minute") as refusal:
            await core.add_request_async(request("third", prompt_tokens=30))
        assert refusal.value.http_status == 429
        assert sorted(core._flights) == ["first", "second"]
        await core.close()

    play(scene)
