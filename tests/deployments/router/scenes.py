"""Scenes with a router's core and fake shards, for tests to play.

The time that requests wait stands still in a scene unless its clock is advanced. A request whose
`add_request_async` hasn't returned once the loop has settled was sent to no rank. The router has
taken what a rank sent once an output that the rank sent afterwards has come out of the core.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest

from configs.admission import Admission
from configs.deployment import Survival
from deployments.router.clock import Clock
from deployments.router.dispatcher import Dispatcher
from deployments.router.engine_core import RouterEngineCore
from deployments.router.handshake import Handshake
from deployments.scheduling.routing import least_loaded_rank
from deployments.wire.load import Load
from tests.deployments.router.fake_shard import FakeRoster, FakeShard, request
from tests.deployments.router.hand_clock import HandClock

PATIENT = Survival(deadline_s=20, silence_s=600)
FULL = Load(requests=8, answer_tokens=10)

_STEPS = 10  # more than any request needs from its rank's report to its return


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


async def core_of(
    roster: FakeRoster,
    survival: Survival = PATIENT,
    admission: Admission | None = None,
    clock: Clock | None = None,
) -> RouterEngineCore:
    """Make a core whose time stands still by default, and wait until all its ranks are up."""
    async with ranks_become("up", len(roster.shards)):
        admission, clock = admission or Admission(), clock or HandClock()
        known = Handshake(roster, {})
        return RouterEngineCore(Dispatcher(known, survival, admission, least_loaded_rank, clock))


@asynccontextmanager
async def ranks_become(state: Literal["up", "lost"], count: int = 1) -> AsyncIterator[None]:
    """Wait, after the block, until the router has logged that `count` ranks are up or lost."""
    log, lines = logging.getLogger("ray.serve"), _Lines(f"is {state}")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(lines)
    try:
        yield
        for _ in range(count):
            await lines.logged.acquire()
    finally:
        log.removeHandler(lines)
        log.setLevel(level)


class _Lines(logging.Handler):
    """A log handler that counts the lines with an ending."""

    def __init__(self, ending: str) -> None:
        super().__init__()
        self._ending = ending
        self.logged = asyncio.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().endswith(self._ending):
            self.logged.release()


async def settle() -> None:
    """Run everything that is ready, and everything that this makes ready."""
    for _ in range(_STEPS):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true that no event announces."""
    while not condition():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)


async def wait_in_line(core: RouterEngineCore, asked: EngineCoreRequest) -> asyncio.Task[None]:
    """Add a request, and show that it waits."""
    adding = asyncio.create_task(core.add_request_async(asked))
    await settle()
    assert not adding.done()
    return adding


async def next_output(core: RouterEngineCore) -> EngineCoreOutput:
    while not (step := await core.get_output_async()).outputs:
        pass
    (output,) = step.outputs
    return output


async def take_load(
    core: RouterEngineCore, shard: FakeShard, load: Load, running: str, heard: int | None = None
) -> None:
    """Have a rank report its load, and wait until the router has taken it.

    The shard has the request `running`, and then says that it has no new token for it.
    """
    await shard.report(load, heard)
    await shard.say(running, [], heard=heard)
    output = await next_output(core)
    assert (output.request_id, output.new_token_ids) == (running.rpartition("/")[0], [])


async def fill(core: RouterEngineCore, shard: FakeShard) -> None:
    """Have a rank run one request of this router, `first/0`, and seven of others."""
    await core.add_request_async(request("first"))
    await shard.requests.get()
    await take_load(core, shard, FULL, running="first/0")
