"""Requests wait in the router until a rank has room, or are refused before anything is streamed."""

import asyncio

import pytest
from vllm.exceptions import GracefulHTTPError, VLLMValidationError
from vllm.v1.engine import FinishReason

from configs.admission import Admission
from deployments.router.routed_request import RoutedRequest
from deployments.wire.load import Load
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.hand_clock import HandClock
from tests.deployments.router.scenes import (
    core_of,
    fill,
    next_output,
    play,
    settle,
    take_load,
    wait_in_line,
)


def test_what_comes_at_once_goes_out_in_one_message_a_rank() -> None:
    async def scene() -> None:
        ranks = [FakeShard(str(rank), rank=rank, ranks=2) for rank in range(2)]
        core = await core_of(FakeRoster(*ranks))
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
        core = await core_of(FakeRoster(*ranks))
        sizes = {"a": 60, "b": 20, "c": 20, "d": 20}
        await asyncio.gather(
            *(core.add_request_async(request(name, size)) for name, size in sizes.items())
        )
        prompts = [(await ranks[1].requests.get()).prompt_token_ids for _ in range(3)]
        assert [len(prompt or ()) for prompt in prompts] == [20, 20, 20]
        assert len((await ranks[0].requests.get()).prompt_token_ids or ()) == 60
        await core.dispatcher.close()

    play(scene)


def test_a_request_waits_until_its_rank_can_take_it() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill(core, shard)
        adding = await wait_in_line(core, request("second"))
        await shard.report(Load(requests=7))
        await adding
        assert (await shard.requests.get()).request_id == "second/0"
        await core.dispatcher.close()

    play(scene)


def test_what_is_on_its_way_is_not_sent_twice_over() -> None:
    """The rank's report may be older than what was sent."""

    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        adding = [asyncio.create_task(core.add_request_async(request(str(n)))) for n in range(12)]
        for _ in range(8):
            await shard.requests.get()
        await take_load(core, shard, Load(requests=0), running="0/0", heard=0)
        await settle()
        assert sum(task.done() for task in adding) == 8
        await take_load(core, shard, Load(requests=8), running="0/0")
        await settle()
        assert sum(task.done() for task in adding) == 8
        await core.dispatcher.close()

    play(scene)


def test_a_full_line_refuses_and_says_when_to_come_again() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        core = await core_of(FakeRoster(shard), admission=Admission(max_waiting=1), clock=clock)
        await fill(core, shard)
        await wait_in_line(core, request("second"))
        clock.advance(7)
        with pytest.raises(GracefulHTTPError, match="1 requests wait") as refusal:
            await core.add_request_async(request("third"))
        assert refusal.value.http_status == 429
        assert core.dispatcher.retry_after_s() == 7  # as long as the last one took
        await core.dispatcher.close()

    play(scene)


def test_in_a_full_line_the_newest_of_a_lower_class_is_refused_instead() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard), admission=Admission(max_waiting=2))
        await fill(core, shard)
        adding = {}
        for name in ("older", "newer"):
            batch = request(name)
            batch.priority = 1
            adding[name] = await wait_in_line(core, batch)
        urgent = await wait_in_line(core, request("urgent"))
        with pytest.raises(GracefulHTTPError, match="2 requests wait"):
            await adding["newer"]
        assert core.dispatcher.open_requests == 3
        await shard.report(Load(requests=7))
        await urgent
        assert (await shard.requests.get()).request_id == "urgent/0"
        await settle()
        assert not adding["older"].done()
        await core.dispatcher.close()

    play(scene)


def test_of_those_who_come_at_once_each_takes_the_place_of_another_in_a_full_line() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard), admission=Admission(max_waiting=2))
        await fill(core, shard)
        adding = []
        for name in ("older", "newer"):
            batch = request(name)
            batch.priority = 1
            adding.append(await wait_in_line(core, batch))
        urgent = [asyncio.create_task(core.add_request_async(request(name))) for name in "ab"]
        await settle()
        assert [task.done() for task in (*adding, *urgent)] == [True, True, False, False]
        for task in adding:
            with pytest.raises(GracefulHTTPError, match="2 requests wait"):
                await task
        await core.dispatcher.close()

    play(scene)


def test_no_sibling_of_a_refused_answer_goes_on() -> None:
    """`n` answers are `n` requests; vLLM forgets those before the one that was refused."""

    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard), admission=Admission(max_waiting=1))
        await fill(core, shard)
        siblings = [request(f"{n}_r") for n in range(3)]
        await shard.report(Load(requests=7))
        await core.add_request_async(siblings[0])
        assert (await shard.requests.get()).request_id == "0_r/0"
        adding = await wait_in_line(core, siblings[1])
        with pytest.raises(GracefulHTTPError):
            await core.add_request_async(siblings[2])
        await settle()
        assert adding.done()
        assert adding.exception() is None
        ended = [await next_output(core) for _ in siblings]
        assert {(output.request_id, output.finish_reason) for output in ended} == {
            (sibling.request_id, FinishReason.ABORT) for sibling in siblings
        }
        assert await shard.aborts.get() == ["0_r/0"]
        assert core.dispatcher.open_requests == 1
        await core.dispatcher.close()

    play(scene)


def test_a_refusal_harms_no_request_that_a_client_has_named_alike() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard), admission=Admission(max_waiting=1))
        await fill(core, shard)
        mine, another = request("same-1"), request("same-2")
        mine.external_req_id = another.external_req_id = "same"
        adding = await wait_in_line(core, mine)
        with pytest.raises(GracefulHTTPError):
            await core.add_request_async(another)
        assert (await next_output(core)).request_id == "same-2"
        await shard.report(Load(requests=7))
        await adding
        assert (await shard.requests.get()).request_id == "same-1/0"
        await core.dispatcher.close()

    play(scene)


def test_a_request_aborted_while_it_waits_returns_at_once_and_is_never_sent() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await fill(core, shard)
        adding = await wait_in_line(core, request("second"))
        await core.abort_requests_async(["second"])
        await settle()
        assert adding.done()
        assert core.dispatcher.open_requests == 1
        await shard.report(Load())
        await core.add_request_async(request("third"))
        assert (await shard.requests.get()).request_id == "third/0"
        await core.dispatcher.close()

    play(scene)


def test_a_requeued_request_is_counted_with_the_tokens_that_it_had() -> None:
    routed = RoutedRequest(request(), arrived_s=0.0)
    routed.take([7, 8], 1.0)
    routed.requeue(2.0, moved=False)
    assert (routed.ticket.prompt_tokens, routed.ticket.max_tokens) == (5, 8)


def test_a_number_that_cant_be_sent_is_refused_and_harms_nobody() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        large = request("large")
        assert large.sampling_params is not None
        large.sampling_params.top_k = 10**20
        other = asyncio.create_task(core.add_request_async(request("other")))
        with pytest.raises(VLLMValidationError, match="too large"):
            await core.add_request_async(large)
        await other
        assert (await shard.requests.get()).request_id == "other/0"
        assert core.dispatcher.open_requests == 1
        await core.dispatcher.close()

    play(scene)
