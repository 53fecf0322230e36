"""Who goes first and who yields: by class, and by what a request's key may have."""

import pytest
from vllm.exceptions import GracefulHTTPError

from deployments.access.allowances import Allowances
from deployments.access.caller import Caller, caller
from deployments.router.engine_core import RouterEngineCore
from deployments.router.routed_request import RoutedRequest
from deployments.scheduling.waiting_line import WaitingLine
from deployments.wire.load import Load
from deployments.wire.resumed_tokens import RESUME
from tests.deployments.access.keys import key
from tests.deployments.access.quota_service import Service
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.scenes import (
    FULL,
    core_of,
    fill,
    next_output,
    play,
    take_load,
    wait_in_line,
)


def test_a_higher_class_goes_first() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill(core, shard)
        later, sooner = request("later"), request("sooner")
        later.priority, sooner.priority = 1, -1
        for waiting in (later, sooner):
            await wait_in_line(core, waiting)
        await shard.report(Load(requests=7))
        assert (await shard.requests.get()).request_id == "sooner/0"
        await core.dispatcher.close()

    play(scene)


async def fill_with_batch(core: RouterEngineCore, shard: FakeShard, count: int) -> None:
    for number in range(count):
        batch = request(f"batch{number}")
        batch.priority = 1
        await core.add_request_async(batch)
        await shard.say((await shard.requests.get()).request_id, [7])
        await next_output(core)


def test_batch_yields_at_once_and_goes_on_with_what_it_had() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill_with_batch(core, shard, 8)
        await shard.say("batch5/0", [8])
        await next_output(core)
        await take_load(core, shard, FULL, running="batch7/0")
        await core.add_request_async(request("now"))
        assert await shard.aborts.get() == ["batch0/0"]
        assert (await shard.requests.get()).request_id == "now/0"
        await shard.report(Load(requests=7))
        continued = await shard.requests.get()
        assert continued.request_id == "batch0/1"
        assert continued.sampling_params is not None
        assert continued.sampling_params.extra_args == {RESUME: [7]}
        await core.dispatcher.close()

    play(scene)


def test_ranks_too_take_a_better_class_first_and_in_it_who_has_but_one_request() -> None:
    async def scene() -> None:
        allowances = Allowances(Service(), "router", 1)
        line, sent = WaitingLine(), {}
        for name in ("batch", "standard", "interactive"):
            allowance = await allowances.begin(key(name, **{"class": name}))
            for number in range(2):
                routed = RoutedRequest(
                    request(f"{name}{number}"), 0.0, Caller(allowance, allowances)
                )
                line.join(routed.ticket)
                routed.requeue(0.0, moved=False)  # it is sent again as what it was
                sent[routed.request.request_id] = routed.message().priority
        assert sorted(sent, key=lambda name: sent[name]) == [
            *("interactive0", "interactive1", "standard0", "standard1", "batch0", "batch1")
        ]
        assert len(set(sent.values())) == 6

    play(scene)


def test_no_more_batch_yields_than_must_before_a_rank_has_heard_of_it() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill_with_batch(core, shard, 8)
        await take_load(core, shard, FULL, running="batch7/0")
        for name in ("first", "second"):
            await core.add_request_async(request(name))
            assert (await shard.requests.get()).request_id == f"{name}/0"
            await take_load(core, shard, FULL, running="batch7/0", heard=8)
        assert [shard.aborts.get_nowait() for _ in range(2)] == [["batch0/0"], ["batch1/0"]]
        assert shard.aborts.empty()
        await core.dispatcher.close()

    play(scene)


def test_nobody_yields_where_an_aborted_request_has_left_a_place() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await core.add_request_async(request("gone"))
        await shard.requests.get()
        await fill_with_batch(core, shard, 7)
        await take_load(core, shard, FULL, running="batch0/0")
        await core.abort_requests_async(["gone"])
        await take_load(core, shard, FULL, running="batch0/0", heard=8)
        await core.add_request_async(request("now"))
        assert (await shard.requests.get()).request_id == "now/0"
        assert shard.aborts.get_nowait() == ["gone/0"]
        assert shard.aborts.empty()
        await core.dispatcher.close()

    play(scene)


def test_who_waits_gets_an_aborted_requests_place_at_once() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill(core, shard)
        adding = await wait_in_line(core, request("second"))
        await core.abort_requests_async(["first"])
        await adding
        assert (await shard.requests.get()).request_id == "second/0"
        await core.dispatcher.close()

    play(scene)


def test_a_request_has_the_class_of_its_key_or_a_lower() -> None:
    async def scene() -> None:
        allowances = Allowances(Service(), "router", 1)
        tiers = {}
        for tier in ("interactive", "standard", "batch"):
            allowance = await allowances.begin(key(tier, weight=2, **{"class": tier}))
            for priority in (-1, 0, 1):
                asked = request()
                asked.priority = priority
                ticket = RoutedRequest(asked, 0.0, Caller(allowance, allowances)).ticket
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
        core = await core_of(FakeRoster(shard))
        allowances = Allowances(Service(), "router", 1)
        allowance = await allowances.begin(key(tokens_per_minute=40))
        caller.set(Caller(allowance, allowances))
        await core.add_request_async(request("first", prompt_tokens=20))
        await shard.say((await shard.requests.get()).request_id, [7] * 10)
        await next_output(core)
        await core.add_request_async(request("second", prompt_tokens=10))
        with pytest.raises(GracefulHTTPError, match="40 tokens per minute") as refusal:
            await core.add_request_async(request("third", prompt_tokens=30))
        assert refusal.value.http_status == 429
        assert (await next_output(core)).request_id == "third"
        assert core.dispatcher.open_requests == 2
        await core.dispatcher.close()

    play(scene)
