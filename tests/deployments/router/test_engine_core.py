"""What the router does when ranks die, fall silent, or aren't there."""

import psutil
import pytest
from vllm.v1.engine import FinishReason

from configs.deployment import Survival
from deployments.wire.load import Load
from deployments.wire.resumed_tokens import resumed_tokens
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.scenes import (
    PATIENT,
    core_of,
    next_output,
    play,
    ranks_become,
    settle,
    take_load,
    until,
    wait_in_line,
)


def test_a_request_goes_out_and_its_tokens_come_back() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
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
        first, second = FakeShard("a", gang="1"), FakeShard("b", gang="2")
        roster = FakeRoster(first)
        survival = Survival(silence_s=1) if end == "falls silent" else PATIENT
        core = await core_of(roster, survival)
        await core.add_request_async(request())
        before = await first.requests.get()
        await first.say(before.request_id, [7, 8])
        assert (await next_output(core)).new_token_ids == [7, 8]

        roster.shards.remove(first)
        async with ranks_become("lost"):
            match end:
                case "says so":
                    await first.say_dead()
                case "vanishes":
                    first.vanish()
        roster.shards.append(second)
        after = await second.requests.get()
        assert resumed_tokens(after.sampling_params) == [7, 8]
        assert after.prompt_token_ids == [1, 2, 3]
        assert after.request_id != before.request_id
        await second.say(after.request_id, [9], FinishReason.LENGTH)
        output = await next_output(core)
        assert (output.request_id, output.new_token_ids) == ("r", [9])
        await core.dispatcher.close()

    play(scene)


def test_a_gang_that_is_let_go_keeps_its_streams_until_it_goes_and_gets_nothing_new() -> None:
    async def scene() -> None:
        going = [FakeShard(f"{rank}", gang="1", rank=rank, ranks=2) for rank in range(2)]
        roster = FakeRoster(*going)
        core = await core_of(roster)
        for name, shard in zip("ab", going, strict=True):
            await core.add_request_async(request(name))
            assert (await shard.requests.get()).request_id == f"{name}/0"
            draining = shard is going[1]
            await take_load(core, shard, Load(requests=1, draining=draining), f"{name}/0")
        new = await wait_in_line(core, request("new"))
        staying = FakeShard("b", gang="2")
        roster.shards.append(staying)
        await new
        assert (await staying.requests.get()).request_id == "new/0"
        await going[0].say("a/0", [7])
        assert (await next_output(core)).new_token_ids == [7]
        for shard in going:
            shard.vanish()
        moved = [await staying.requests.get() for _ in range(2)]
        assert [(sent.request_id, resumed_tokens(sent.sampling_params)) for sent in moved] == [
            ("a/1", [7]),
            ("b/1", []),
        ]
        await core.dispatcher.close()

    play(scene)


def test_late_words_about_an_earlier_attempt_are_not_heard() -> None:
    async def scene() -> None:
        ranks = [FakeShard(f"{rank}", rank=rank, ranks=2) for rank in range(2)]
        other = FakeShard("other", gang="2")
        roster = FakeRoster(*ranks)
        core = await core_of(roster)
        await core.add_request_async(request())
        before = await ranks[0].requests.get()
        async with ranks_become("up"):
            roster.shards.append(other)
        await ranks[1].say_dead()  # its peer in lockstep can't go on, though it still talks
        after = await other.requests.get()
        assert await ranks[0].aborts.get() == [before.request_id]
        await ranks[0].say(before.request_id, [666])
        await ranks[0].say("unheard of", [666])
        await ranks[0].say(after.request_id, [7])  # the router goes by the id, not by the rank
        assert (await next_output(core)).new_token_ids == [7]
        await core.dispatcher.close()

    play(scene)


def test_a_gang_with_a_rank_missing_gets_nothing() -> None:
    async def scene() -> None:
        roster = FakeRoster(FakeShard("0", rank=0, ranks=2))
        core = await core_of(roster)
        adding = await wait_in_line(core, request())
        roster.shards.append(FakeShard("1", rank=1, ranks=2))
        await adding
        await core.dispatcher.close()

    play(scene)


def test_ranks_that_go_leave_nothing_open() -> None:
    async def scene() -> None:
        staying = FakeShard("staying", gang="staying")
        staying.entry = staying.entry.model_copy(update={"max_num_seqs": 1})
        roster = FakeRoster(staying)
        core = await core_of(roster)
        await core.add_request_async(request("staying"))
        open_files = psutil.Process().num_fds()
        for number in range(4):
            shard = FakeShard(str(number))
            roster.shards.append(shard)
            await core.add_request_async(request(str(number)))
            sent = await shard.requests.get()
            await shard.say(sent.request_id, [7], FinishReason.STOP)
            await next_output(core)
            roster.shards.remove(shard)
            async with ranks_become("lost"):
                shard.vanish()
        await until(lambda: psutil.Process().num_fds() <= open_files)
        await core.dispatcher.close()

    play(scene)


def test_a_router_that_follows_no_roster_says_so() -> None:
    async def scene() -> None:
        core = await core_of(FakeRoster())
        core.dispatcher.check_health()
        core.dispatcher._following.cancel()  # nothing that a roster does is known to end it
        await settle()
        with pytest.raises(RuntimeError, match="roster"):
            core.dispatcher.check_health()
        await core.dispatcher.close()

    play(scene)


def test_an_abort_reaches_the_rank_under_the_name_it_knows() -> None:
    async def scene() -> None:
        shard = FakeShard("a")
        core = await core_of(FakeRoster(shard))
        await core.add_request_async(request())
        sent = await shard.requests.get()
        await core.abort_requests_async(["r", "unknown"])
        assert await shard.aborts.get() == [sent.request_id]
        await core.dispatcher.close()

    play(scene)


def test_a_client_that_hangs_up_while_waiting_leaves_nothing() -> None:
    async def scene() -> None:
        core = await core_of(FakeRoster())
        adding = await wait_in_line(core, request())
        adding.cancel()
        assert (await next_output(core)).finish_reason == FinishReason.ABORT
        assert not core.dp_engines_running()
        await core.dispatcher.close()

    play(scene)
