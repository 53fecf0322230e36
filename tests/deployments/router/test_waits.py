"""How long a request waits for a rank before it is refused, or its stream ends."""

import asyncio

import pytest
from vllm.exceptions import GracefulHTTPError
from vllm.v1.engine import FinishReason

from configs.admission import Admission, Waits
from configs.tier import Tier
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.hand_clock import HandClock
from tests.deployments.router.scenes import (
    PATIENT,
    core_of,
    fill,
    next_output,
    play,
    ranks_become,
    settle,
    wait_in_line,
)


def test_without_a_gang_a_request_fails_at_its_deadline_and_leaves_nothing() -> None:
    async def scene() -> None:
        clock = HandClock()
        core = await core_of(FakeRoster(), clock=clock)
        adding = await wait_in_line(core, request())
        clock.advance(PATIENT.deadline_s - 1)
        await settle()
        assert not adding.done()
        clock.advance(1)
        with pytest.raises(GracefulHTTPError, match="up for 20 s"):
            await adding
        assert (await next_output(core)).finish_reason == FinishReason.ABORT
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)


def test_who_waits_in_line_when_the_only_gang_dies_waits_for_the_next() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        shard.entry = shard.entry.model_copy(update={"max_num_seqs": 1})
        roster = FakeRoster(shard)
        waits = Waits(standard_s=5)
        core = await core_of(roster, admission=Admission(waits=waits), clock=clock)
        await core.add_request_async(request("running"))
        adding = await wait_in_line(core, request("waiting"))
        async with ranks_become("lost"):
            shard.vanish()
        clock.advance(PATIENT.deadline_s - 1)
        await settle()
        assert not adding.done()
        roster.shards[:] = [FakeShard("b")]
        await adding
        await core.dispatcher.close()

    play(scene)


def test_who_waits_in_line_when_the_only_gang_dies_waits_no_longer_than_the_deadline() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        shard.entry = shard.entry.model_copy(update={"max_num_seqs": 1})
        core = await core_of(FakeRoster(shard), clock=clock)
        await core.add_request_async(request("running"))
        adding = await wait_in_line(core, request("waiting"))
        async with ranks_become("lost"):
            shard.vanish()
        clock.advance(PATIENT.deadline_s)
        await settle()
        assert adding.done()
        with pytest.raises(GracefulHTTPError, match="up for 20 s"):
            await adding
        await core.dispatcher.close()

    play(scene)


def test_who_waited_for_a_gang_has_the_max_wait_of_its_class_once_one_is_there() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        shard.entry = shard.entry.model_copy(update={"max_num_seqs": 1})
        roster = FakeRoster()
        core = await core_of(roster, clock=clock)
        adding = [await wait_in_line(core, request(name)) for name in "ab"]
        clock.advance(PATIENT.deadline_s - 1)
        async with ranks_become("up"):
            roster.shards.append(shard)
        clock.advance(Waits().standard_s - PATIENT.deadline_s)
        await settle()
        assert [task.done() for task in adding] == [True, False]
        await shard.say((await shard.requests.get()).request_id, [7], FinishReason.STOP)
        await asyncio.gather(*adding)
        await core.dispatcher.close()

    play(scene)


def test_one_that_has_waited_too_long_does_not_keep_others_at_a_dead_rank() -> None:
    async def scene() -> None:
        first, second, clock = FakeShard("a", gang="1"), FakeShard("b", gang="2"), HandClock()
        roster = FakeRoster(first)
        core = await core_of(roster, clock=clock)
        await core.add_request_async(request("late"))
        roster.shards.remove(first)
        first.vanish()
        roster.shards.append(second)
        assert (await second.requests.get()).request_id == "late/1"
        await core.add_request_async(request("other"))
        clock.advance(2 * PATIENT.deadline_s)  # in which no rank brings `late` any further
        second.vanish()
        output = await next_output(core)
        assert (output.request_id, output.finish_reason) == ("late", FinishReason.ERROR)
        standard = core.dispatcher.report("router").classes[Tier.STANDARD]
        assert (standard.queued_requests, standard.running) == (1, 0)
        await core.dispatcher.close()

    play(scene)


def test_a_begun_stream_that_finds_no_gang_ends_with_an_error() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        core = await core_of(FakeRoster(shard), clock=clock)
        await core.add_request_async(request())
        sent = await shard.requests.get()
        await shard.say(sent.request_id, [7])
        await next_output(core)
        async with ranks_become("lost"):
            shard.vanish()
        clock.advance(PATIENT.deadline_s - 1)
        assert core.dispatcher.outputs.empty()
        clock.advance(1)
        assert (await next_output(core)).finish_reason == FinishReason.ERROR
        await core.dispatcher.close()

    play(scene)


def test_who_waits_longer_than_its_class_may_is_refused() -> None:
    async def scene() -> None:
        shard, clock = FakeShard("a"), HandClock()
        admission = Admission(waits=Waits(standard_s=50))
        core = await core_of(FakeRoster(shard), admission=admission, clock=clock)
        await fill(core, shard)
        adding = await wait_in_line(core, request("second"))
        clock.advance(49)
        await settle()
        assert not adding.done()
        clock.advance(1)
        with pytest.raises(GracefulHTTPError, match=r"50 s.*class standard") as refusal:
            await adding
        assert refusal.value.http_status == 503
        await core.abort_requests_async(["first"])
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)


def test_who_leaves_a_full_line_as_its_time_runs_out_ends_once() -> None:
    async def scene() -> None:
        clock, shard = HandClock(), FakeShard("a")
        waits = Waits(batch_s=10)
        core = await core_of(
            FakeRoster(shard), admission=Admission(max_waiting=1, waits=waits), clock=clock
        )
        await fill(core, shard)
        late = request("late")
        late.priority = 1
        leaving = await wait_in_line(core, late)
        urgent = asyncio.create_task(core.add_request_async(request("urgent")))
        await asyncio.sleep(0)  # it has the place now, and `late` hasn't heard of it
        clock.advance(10)
        with pytest.raises(GracefulHTTPError, match="requests wait already"):
            await leaving
        assert (await next_output(core)).finish_reason == FinishReason.ABORT
        await settle()
        assert core.dispatcher.outputs.empty()
        urgent.cancel()
        await core.dispatcher.close()

    play(scene)
