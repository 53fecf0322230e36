"""What becomes of requests that no other rank could go on with exactly, when they must move."""

from typing import Any

import pytest
from vllm.sampling_params import SamplingParams
from vllm.v1.engine import FinishReason

from configs.errors import CantMoveError, RefusedError
from deployments.wire.load import Load
from deployments.wire.resumed_tokens import resumed_tokens
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.scenes import (
    FULL,
    core_of,
    next_output,
    play,
    take_load,
    until,
    wait_in_line,
)


def seeded(temperature: float = 1.0, priority: int = 0) -> Any:
    asked = request()
    asked.sampling_params = SamplingParams(max_tokens=10, seed=3, temperature=temperature)
    asked.priority = priority
    return asked


def shards() -> list[FakeShard]:
    """Make two gangs of one rank, neither of which could go on with the other's seeds."""
    pair = [FakeShard(name, gang=name) for name in "ab"]
    for shard in pair:
        shard.entry = shard.entry.model_copy(update={"resumes_seeds": False})
    return pair


def test_a_seed_that_no_other_rank_could_go_on_with_ends_with_the_reason() -> None:
    async def scene() -> None:
        pair, ended = shards(), list[RefusedError]()
        core = await core_of(FakeRoster(*pair))
        await core.dispatcher.place(seeded(), None, ended.append)
        await until(lambda: any(not shard.requests.empty() for shard in pair))
        first, other = sorted(pair, key=lambda shard: shard.requests.empty())
        await first.say("r/0", [7])
        assert (await next_output(core)).new_token_ids == [7]
        await first.say_dead()
        assert (await next_output(core)).finish_reason is FinishReason.ERROR
        assert [type(error) for error in ended] == [CantMoveError]
        assert other.requests.empty()
        assert core.dispatcher.open_requests == 0
        await core.dispatcher.close()

    play(scene)


@pytest.mark.parametrize(
    ("temperature", "tokens", "resumes"),
    [(1.0, [], False), (0.0, [7], False), (1.0, [7], True)],
    ids=["begins anew", "draws nothing", "goes on exactly"],
)
def test_other_requests_with_a_seed_move(
    temperature: float, tokens: list[int], resumes: bool
) -> None:
    async def scene() -> None:
        pair = shards()
        for shard in pair:
            shard.entry = shard.entry.model_copy(update={"resumes_seeds": resumes})
        core = await core_of(FakeRoster(*pair))
        await core.dispatcher.place(seeded(temperature), None)
        await until(lambda: any(not shard.requests.empty() for shard in pair))
        first, other = sorted(pair, key=lambda shard: shard.requests.empty())
        await first.say("r/0", tokens)
        await next_output(core)
        await first.say_dead()
        sent = await other.requests.get()
        assert (sent.request_id, resumed_tokens(sent.sampling_params)) == ("r/1", tokens)
        await core.dispatcher.close()

    play(scene)


def test_batch_with_such_a_seed_makes_no_way() -> None:
    async def scene() -> None:
        (shard, _) = shards()
        core = await core_of(FakeRoster(shard))
        await core.dispatcher.place(seeded(priority=1), None)
        await shard.requests.get()
        await shard.say("r/0", [7])
        await next_output(core)
        await take_load(core, shard, FULL, running="r/0")
        adding = await wait_in_line(core, request("now"))
        await shard.say("r/0", [8])
        assert (await next_output(core)).new_token_ids == [8]
        assert not adding.done()
        await shard.report(Load(requests=1))
        await adding
        assert (await shard.requests.get()).request_id == "now/0"
        await core.dispatcher.close()

    play(scene)
