"""Requests wait in the router until a rank has room, or are refused before anything is streamed."""

import asyncio

import pytest
from vllm.exceptions import GracefulHTTPError, VLLMValidationError

from configs.admission import Admission, Waits
from configs.deployment import Survival
from deployments.router.engine_core import RouterEngineCore
from deployments.wire.load import Load
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.test_engine_core import PATIENT, play

FULL = Load(requests=8, answer_tokens=10)


async def core_of(*shards: FakeShard, admission: Admission | None = None) -> RouterEngineCore:
    """Once every rank is up: an earlier request would go to the first of them."""
    core = RouterEngineCore(FakeRoster(*shards), PATIENT, admission or Admission())
    while len(core.dispatcher._fleet.rank_loads()) < len(shards):  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)
    return core


async def fill(core: RouterEngineCore, shard: FakeShard) -> None:
    """One request of ours, and the rank's word that others have brought it seven more."""
    await core.add_request_async(request("first"))
    await shard.requests.get()
    await report_full(core, shard)


async def report_full(core: RouterEngineCore, shard: FakeShard) -> None:
    await shard.report(FULL)
    (load,) = core.dispatcher._fleet.rank_loads()
    while load.sequences < FULL.requests:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)


def test_what_comes_at_once_goes_out_in_one_message_a_rank() -> None:
    async def scene() -> None:
        ranks = [FakeShard(str(rank), rank=rank, ranks=2) for rank in range(2)]
        core = await core_of(*ranks)
        await asyncio.gather(*(core.add_request_async(request(name)) for name in "abcdef"))
        for rank in ranks:
            for _ in range(3):
                await rank.requests.get()
            assert rank.messages == 1
        await core.dispatcher.close()

    play(scene)


def test_prompts_are_even_over_the_ranks_of_a_gang() -> None:
    async def scene() -> None:
        ranks = [FakeShard(str(rank), rank=rank, ranks=2) for rank in range(2)]
        core = await core_of(*ranks)
        sizes = {"a": 60, "b": 20, "c": 20, "d": 20}
        await asyncio.gather(
            *(core.add_request_async(request(name, size)) for name, size in sizes.items())
        )
        prompts = [(await ranks[1].requests.get()).prompt_token_ids for _ in range(3)]
        assert [len(prompt or ()) for prompt in prompts] == [20, 20, 20]
        assert len((await ranks[0].requests.get()).prompt_token_ids or ()) == 60
        await core.dispatcher.close()

    play(scene)


def test_a_request_waits_for_room_and_goes_out_when_there_is_some() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        await fill(core, shard)
        waiting = asyncio.create_task(core.add_request_async(request("second")))
        await asyncio.sleep(0.2)
        assert shard.requests.empty()
        assert not waiting.done()
        await shard.report(Load(requests=7))
        await waiting
        assert (await shard.requests.get()).request_id == "second/0"
        await core.dispatcher.close()

    play(scene)


def test_what_is_on_its_way_is_not_sent_twice_over() -> None:
    """The rank's report may be older than what was sent."""

    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        adding = [asyncio.create_task(core.add_request_async(request(str(n)))) for n in range(12)]
        for _ in range(8):
            await shard.requests.get()
        await shard.report(Load(requests=8))
        await asyncio.sleep(0.2)
        assert shard.requests.empty()
        assert sum(task.done() for task in adding) == 8
        for task in adding:
            task.cancel()
        await core.dispatcher.close()

    play(scene)


def test_a_full_line_refuses_and_says_when_to_come_again() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard, admission=Admission(max_waiting=1))
        await fill(core, shard)
        waiting = asyncio.create_task(core.add_request_async(request("second")))
        await asyncio.sleep(0.1)
        with pytest.raises(GracefulHTTPError, match="1 requests wait") as refusal:
            await core.add_request_async(request("third"))
        assert refusal.value.http_status == 429
        assert 1 <= core.dispatcher.retry_after_s() <= 60
        waiting.cancel()
        await core.dispatcher.close()

    play(scene)


def test_in_a_full_line_the_newest_of_a_lower_class_is_refused_instead() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard, admission=Admission(max_waiting=2))
        await fill(core, shard)
        tasks = {}
        for name in ("older", "newer"):
            one = request(name)
            one.priority = 1
            tasks[name] = asyncio.create_task(core.add_request_async(one))
            await asyncio.sleep(0.05)
        urgent = asyncio.create_task(core.add_request_async(request("urgent")))
        with pytest.raises(GracefulHTTPError, match="2 requests wait"):
            await tasks["newer"]
        assert sorted(core.dispatcher._requests) == ["first", "older", "urgent"]
        await shard.report(Load(requests=7))
        await urgent
        assert (await shard.requests.get()).request_id == "urgent/0"
        assert not tasks["older"].done()
        tasks["older"].cancel()
        await core.dispatcher.close()

    play(scene)


def test_no_sibling_of_a_refused_answer_goes_on() -> None:
    """`n` answers are `n` requests; vLLM forgets those before the one that was refused."""

    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard, admission=Admission(max_waiting=1))
        await fill(core, shard)
        await shard.report(Load(requests=7))
        siblings = [request(f"{n}_r") for n in range(3)]
        await core.add_request_async(siblings[0])
        sent = await shard.requests.get()
        waiting = asyncio.create_task(core.add_request_async(siblings[1]))
        await asyncio.sleep(0.1)
        with pytest.raises(GracefulHTTPError):
            await core.add_request_async(siblings[2])
        assert await shard.aborts.get() == [sent.request_id]
        assert list(core.dispatcher._requests) == ["first"]
        waiting.cancel()
        await core.dispatcher.close()

    play(scene)


def test_a_refusal_harms_no_request_that_a_client_has_named_alike() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard, admission=Admission(max_waiting=1))
        await fill(core, shard)
        mine, another = request("same-1"), request("same-2")
        mine.external_req_id = another.external_req_id = "same"
        waiting = asyncio.create_task(core.add_request_async(mine))
        await asyncio.sleep(0.1)
        with pytest.raises(GracefulHTTPError):
            await core.add_request_async(another)
        assert list(core.dispatcher._requests) == ["first", "same-1"]
        waiting.cancel()
        await core.dispatcher.close()

    play(scene)


def test_who_waits_longer_than_its_class_may_is_refused() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard, admission=Admission(waits=Waits(standard_s=0.2)))
        await fill(core, shard)
        with pytest.raises(GracefulHTTPError, match=r"0\.2 s.*class standard") as refusal:
            await core.add_request_async(request("second"))
        assert refusal.value.http_status == 503
        await core.abort_requests_async(["first"])
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)


def test_a_request_aborted_while_it_waits_is_never_sent() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        await fill(core, shard)
        waiting = asyncio.create_task(core.add_request_async(request("second")))
        await asyncio.sleep(0.1)
        await core.abort_requests_async(["second"])
        await shard.report(Load())
        await core.add_request_async(request("third"))
        assert (await shard.requests.get()).request_id == "third/0"
        waiting.cancel()
        await core.dispatcher.close()

    play(scene)


def test_a_lost_ranks_requests_wait_for_room_elsewhere_with_what_they_had() -> None:
    async def scene() -> None:
        first = FakeShard("a", gang="1")
        roster = FakeRoster(first)
        core = RouterEngineCore(roster, Survival(), Admission())
        await core.add_request_async(request("r"))
        await first.say((await first.requests.get()).request_id, [7, 8])
        second = FakeShard("b", gang="2")
        roster.shards.append(second)
        await first.say_dead()
        assert (await second.requests.get()).request_id == "r/1"
        ticket = core.dispatcher._requests["r"].ticket
        assert (ticket.prompt_tokens, ticket.max_tokens) == (5, 8)
        await core.dispatcher.close()

    play(scene)


def test_a_number_that_cant_be_sent_is_refused_and_harms_nobody() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(shard)
        large = request("large")
        assert large.sampling_params is not None
        large.sampling_params.top_k = 10**20
        other = asyncio.create_task(core.add_request_async(request("other")))
        with pytest.raises(VLLMValidationError, match="too large"):
            await core.add_request_async(large)
        await other
        assert (await shard.requests.get()).request_id == "other/0"
        assert list(core.dispatcher._requests) == ["other"]
        await core.dispatcher.close()

    play(scene)
