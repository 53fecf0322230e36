"""What the router does when ranks die, fall silent, or aren't there."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil
import pytest
from vllm.exceptions import GracefulHTTPError
from vllm.v1.engine import EngineCoreOutput, FinishReason

from configs.admission import Admission, Waits
from configs.deployment import Survival
from deployments.router.engine_core import RouterEngineCore
from deployments.wire.load import Load
from deployments.wire.resumed_tokens import resumed_tokens
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request

PATIENT = Survival(deadline_s=20, silence_s=20)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def closed() -> None:
        try:
            await asyncio.wait_for(scene(), timeout=30)
        finally:
            # A scene that failed has left its core open: sockets would keep the process.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            FakeShard.close_all()

    asyncio.run(closed())


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


async def next_output(core: RouterEngineCore) -> EngineCoreOutput:
    while not (step := await core.get_output_async()).outputs:
        pass
    (output,) = step.outputs
    return output


def test_a_request_goes_out_and_its_tokens_come_back() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = RouterEngineCore(FakeRoster(shard), PATIENT, Admission())
        await core.add_request_async(request())
        sent = await shard.requests.get()
        assert (sent.prompt_token_ids, resumed_tokens(sent.sampling_params)) == ([1, 2, 3], [])
        await shard.say(sent.request_id, [7, 8], FinishReason.STOP)
        output = await next_output(core)
        assert (output.request_id, output.new_token_ids, output.finished) == ("r", [7, 8], True)
        await core.dispatcher.close()

    play(scene)


@pytest.mark.parametrize("end", ["says so", "vanishes", "falls silent"])
def test_when_a_rank_dies_its_request_goes_on_with_the_tokens_it_had(end: str) -> None:
    async def scene() -> None:
        first = FakeShard("a", gang="1")
        roster = FakeRoster(first)
        silence_s = 0.5 if end == "falls silent" else 20
        core = RouterEngineCore(roster, Survival(deadline_s=20, silence_s=silence_s), Admission())
        await core.add_request_async(request())
        before = await first.requests.get()
        await first.say(before.request_id, [7, 8])
        assert (await next_output(core)).new_token_ids == [7, 8]

        second = FakeShard("b", gang="2")
        roster.shards = [second]
        match end:
            case "says so":
                await first.say_dead()
            case "vanishes":
                first.vanish()
        after = await second.requests.get()
        assert resumed_tokens(after.sampling_params) == [7, 8]
        assert after.prompt_token_ids == [1, 2, 3]
        assert after.request_id != before.request_id
        await second.say(after.request_id, [9], FinishReason.LENGTH)
        output = await next_output(core)
        assert (output.request_id, output.new_token_ids) == ("r", [9])
        await core.dispatcher.close()

    play(scene)


def test_a_gang_that_is_let_go_keeps_its_stream_until_it_goes_and_gets_nothing_new() -> None:
    async def scene() -> None:
        going = [FakeShard(f"{rank}", gang="1", rank=rank, ranks=2) for rank in range(2)]
        roster = FakeRoster(*going)
        core = RouterEngineCore(roster, PATIENT, Admission())
        await core.add_request_async(request("old"))
        old = await going[0].requests.get()
        for shard in going:
            await shard.report(Load(requests=1, draining=shard is going[1]))
        await until(lambda: not core.dispatcher._fleet.rank_loads())
        staying = FakeShard("b", gang="2")
        roster.shards.append(staying)
        await core.add_request_async(request("new"))
        assert (await staying.requests.get()).request_id.startswith("new")
        await going[0].say(old.request_id, [7])
        assert (await next_output(core)).new_token_ids == [7]
        assert going[0].aborts.empty()
        for shard in going:
            shard.vanish()
        moved = await staying.requests.get()
        assert resumed_tokens(moved.sampling_params) == [7]
        assert [shard.requests.qsize() for shard in going] == [0, 0]
        await core.dispatcher.close()

    play(scene)


def test_late_words_about_an_earlier_attempt_are_not_heard() -> None:
    async def scene() -> None:
        ranks = [FakeShard(f"{rank}", rank=rank, ranks=2) for rank in range(2)]
        other = FakeShard("other", gang="2")
        roster = FakeRoster(*ranks)
        core = RouterEngineCore(roster, PATIENT, Admission())
        await core.add_request_async(request())
        before = await ranks[0].requests.get()
        roster.shards.append(other)
        await ranks[1].say_dead()  # its peer in lockstep can't go on, though it still talks
        after = await other.requests.get()
        assert await ranks[0].aborts.get() == [before.request_id]
        await ranks[0].say(before.request_id, [666])
        await ranks[0].say("unheard of", [666])
        await other.say(after.request_id, [7])
        assert (await next_output(core)).new_token_ids == [7]
        await core.dispatcher.close()

    play(scene)


def test_a_gang_with_a_rank_missing_gets_nothing() -> None:
    async def scene() -> None:
        half = FakeShard("0", rank=0, ranks=2)
        roster = FakeRoster(half)
        core = RouterEngineCore(roster, PATIENT, Admission())
        waiting = asyncio.create_task(core.add_request_async(request()))
        await asyncio.sleep(0.2)
        assert half.requests.empty()
        assert not waiting.done()
        roster.shards.append(FakeShard("1", rank=1, ranks=2))
        await waiting
        await core.dispatcher.close()

    play(scene)


def test_without_a_gang_a_request_fails_at_its_deadline_and_leaves_nothing() -> None:
    async def scene() -> None:
        core = RouterEngineCore(FakeRoster(), Survival(deadline_s=0.2), Admission())
        with pytest.raises(GracefulHTTPError, match=r"up for 0\.2 s"):
            await core.add_request_async(request())
        assert (await next_output(core)).finish_reason == FinishReason.ABORT
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)


def test_who_waits_in_line_when_the_only_gang_dies_waits_for_the_next() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        shard.entry = shard.entry.model_copy(update={"max_num_seqs": 1})
        roster = FakeRoster(shard)
        waits = Waits(standard_s=0.5)
        core = RouterEngineCore(roster, PATIENT, Admission(waits=waits))
        await core.add_request_async(request("running"))
        waiting = asyncio.create_task(core.add_request_async(request("waiting")))
        await asyncio.sleep(0.2)
        shard.vanish()
        await asyncio.sleep(0.6)
        assert not waiting.done()
        roster.shards[:] = [FakeShard("b")]
        await waiting
        await core.dispatcher.close()

    play(scene)


def test_who_waited_for_a_gang_has_the_patience_of_its_class_once_one_is_there() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        shard.entry = shard.entry.model_copy(update={"max_num_seqs": 1})
        roster = FakeRoster()
        core = RouterEngineCore(roster, Survival(deadline_s=0.5), Admission())
        asked = [asyncio.create_task(core.add_request_async(request(name))) for name in "ab"]
        await asyncio.sleep(0.2)
        roster.shards.append(shard)
        await asyncio.sleep(0.6)
        assert [task.done() for task in asked] == [True, False]
        await shard.say((await shard.requests.get()).request_id, [7], FinishReason.STOP)
        await asyncio.gather(*asked)
        await core.dispatcher.close()

    play(scene)


def test_one_that_has_waited_too_long_does_not_keep_others_at_a_dead_rank() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = RouterEngineCore(FakeRoster(shard), PATIENT, Admission())
        for name in "late", "other":
            await core.add_request_async(request(name))
            await shard.requests.get()
        late = core.dispatcher._requests["late"]
        late.attempt = 1  # it came here from a rank that brought it no further
        late.waits_since_s = time.monotonic() - 2 * PATIENT.deadline_s
        shard.vanish()
        assert (await next_output(core)).request_id == "late"
        await asyncio.sleep(0.1)
        assert core.dispatcher._requests["other"].replica is None
        await core.dispatcher.close()

    play(scene)


def test_ranks_that_go_leave_nothing_open() -> None:
    async def scene() -> None:
        roster = FakeRoster()
        core = RouterEngineCore(roster, PATIENT, Admission())
        open_files = []
        for number in range(4):
            shard = FakeShard(str(number))
            roster.shards[:] = [shard]
            await core.add_request_async(request(str(number)))
            sent = await shard.requests.get()
            await shard.say(sent.request_id, [7], FinishReason.STOP)
            await next_output(core)
            shard.vanish()
            await asyncio.sleep(0.3)
            open_files.append(psutil.Process().num_fds())
        assert open_files[-1] == open_files[0]
        await core.dispatcher.close()

    play(scene)


def test_a_router_that_follows_no_roster_says_so() -> None:
    async def scene() -> None:
        core = RouterEngineCore(FakeRoster(), PATIENT, Admission())
        core.dispatcher.check_health()
        core.dispatcher._following.cancel()
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="roster"):
            core.dispatcher.check_health()
        await core.dispatcher.close()

    play(scene)


def test_a_begun_stream_that_finds_no_gang_ends_with_an_error() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = RouterEngineCore(FakeRoster(shard), Survival(deadline_s=0.2), Admission())
        await core.add_request_async(request())
        sent = await shard.requests.get()
        await shard.say(sent.request_id, [7])
        await next_output(core)
        shard.vanish()
        assert (await next_output(core)).finish_reason == FinishReason.ERROR
        await core.dispatcher.close()

    play(scene)


def test_an_abort_reaches_the_rank_under_the_name_it_knows() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = RouterEngineCore(FakeRoster(shard), PATIENT, Admission())
        await core.add_request_async(request())
        sent = await shard.requests.get()
        await core.abort_requests_async(["r", "unknown"])
        assert await shard.aborts.get() == [sent.request_id]
        await core.dispatcher.close()

    play(scene)


def test_a_client_that_hangs_up_while_waiting_leaves_nothing() -> None:
    async def scene() -> None:
        core = RouterEngineCore(FakeRoster(), PATIENT, Admission())
        waiting = asyncio.create_task(core.add_request_async(request()))
        await asyncio.sleep(0)
        waiting.cancel()
        assert (await next_output(core)).finish_reason == FinishReason.ABORT
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)
