"""A request that ends engines ends two of them, and then fails alone."""

from vllm.v1.engine import EngineCoreRequest, FinishReason

from deployments.router.engine_core import RouterEngineCore
from deployments.wire.loss import How
from deployments.wire.resumed_tokens import resumed_tokens
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.scenes import core_of, next_output, play, ranks_become


async def die(roster: FakeRoster, shard: FakeShard, how: How = How.KILLED, *innocent: str) -> None:
    """Let a gang of one rank die, and wait until the router has noticed."""
    roster.shards.remove(shard)
    async with ranks_become("lost"):
        await shard.say_dead(how, 1, *innocent)


async def come(roster: FakeRoster, name: str) -> FakeShard:
    shard = FakeShard(name, gang=name)
    roster.shards.append(shard)
    return shard


async def started(core: RouterEngineCore, shard: FakeShard, *names: str) -> None:
    """Have a rank run requests that have each brought a token."""
    for name in names:
        await core.add_request_async(request(name))
        asked = await shard.requests.get()
        await shard.say(asked.request_id, [1])
        assert (await next_output(core)).new_token_ids == [1]


async def run_on(core: RouterEngineCore, shard: FakeShard, asked: EngineCoreRequest) -> None:
    """Take a request further by three tokens: it doesn't end this engine."""
    for token in (2, 3, 4):
        await shard.say(asked.request_id, [token])
        assert (await next_output(core)).new_token_ids == [token]


def test_a_request_that_ends_two_engines_goes_to_no_third_and_the_others_go_on() -> None:
    async def scene() -> None:
        first = FakeShard("1", gang="1")
        roster = FakeRoster(first)
        core = await core_of(roster)
        await started(core, first, "a", "poison", "c")
        await die(roster, first)

        second = await come(roster, "2")
        innocent = await second.requests.get()
        assert innocent.request_id == "a/1"
        assert second.requests.empty()  # one suspect at a time
        await run_on(core, second, innocent)
        assert (await second.requests.get()).request_id == "poison/1"
        await die(roster, second)
        end = await next_output(core)
        assert (end.request_id, end.finish_reason) == ("poison", FinishReason.ERROR)

        third = await come(roster, "3")
        asked = [await third.requests.get()]
        await run_on(core, third, asked[0])
        asked.append(await third.requests.get())
        assert {sent.request_id for sent in asked} == {"a/2", "c/1"}
        assert [len(resumed_tokens(sent.sampling_params)) for sent in asked] in ([4, 1], [1, 4])
        assert third.requests.empty()
        await core.dispatcher.close()

    play(scene)


def test_a_request_that_was_at_two_engines_which_were_stopped_goes_to_a_third() -> None:
    async def scene() -> None:
        shard = FakeShard("1", gang="1")
        roster = FakeRoster(shard)
        core = await core_of(roster)
        await started(core, shard, "a")
        for name in ("2", "3", "4"):
            await die(roster, shard, How.STOPPED)
            shard = await come(roster, name)
            assert (await shard.requests.get()).request_id.startswith("a/")
        await core.dispatcher.close()

    play(scene)


def test_a_request_that_met_an_engine_which_was_dead_already_goes_to_a_third() -> None:
    """If all engines are killed at once, requests of one move to others that are just as dead."""

    async def scene() -> None:
        shard = FakeShard("1", gang="1")
        roster = FakeRoster(shard)
        core = await core_of(roster)
        await started(core, shard, "a")
        await die(roster, shard)
        shard = await come(roster, "2")
        assert (await shard.requests.get()).request_id == "a/1"
        await die(roster, shard, How.KILLED, "a/1")
        shard = await come(roster, "3")
        assert (await shard.requests.get()).request_id == "a/2"
        await die(roster, shard)  # it had begun this time
        assert (await next_output(core)).finish_reason == FinishReason.ERROR
        await core.dispatcher.close()

    play(scene)


def test_of_a_gang_the_suspect_at_the_rank_that_died_first_is_to_blame() -> None:
    async def scene() -> None:
        first = FakeShard("1", gang="1")
        roster = FakeRoster(first)
        core = await core_of(roster)
        await started(core, first, "a", "b")
        await die(roster, first)

        pair = [FakeShard(f"2{rank}", gang="2", rank=rank, ranks=2) for rank in range(2)]
        roster.shards += pair
        asked = {(await shard.requests.get()).request_id: shard for shard in pair}
        assert asked.keys() == {"a/1", "b/1"}
        roster.shards.clear()
        async with ranks_become("lost", 2):
            await asked["a/1"].say_dead(How.WAITING)  # it notices first, and isn't to blame
            await asked["b/1"].say_dead(How.KILLED)
        end = await next_output(core)
        assert (end.request_id, end.finish_reason) == ("b", FinishReason.ERROR)
        third = await come(roster, "3")
        assert (await third.requests.get()).request_id == "a/2"
        await core.dispatcher.close()

    play(scene)


def test_a_suspect_that_the_client_aborts_makes_room_for_the_next() -> None:
    async def scene() -> None:
        first = FakeShard("1", gang="1")
        roster = FakeRoster(first)
        core = await core_of(roster)
        await started(core, first, "a", "b")
        await die(roster, first)
        second = await come(roster, "2")
        assert (await second.requests.get()).request_id == "a/1"
        await core.abort_requests_async(["a"])
        assert (await second.requests.get()).request_id == "b/1"
        await core.dispatcher.close()

    play(scene)
