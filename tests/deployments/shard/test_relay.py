"""What a rank tells a router, over real sockets, from an engine that takes requests and waits."""

import asyncio
from typing import Any

import msgspec
import pytest
import zmq.asyncio
from vllm.v1.engine import EngineCoreOutputs
from vllm.v1.metrics.stats import SchedulerIterationDetails, SchedulerStats

from deployments.autoscaling.observation import StepTime
from deployments.shard.endpoint import Endpoint
from deployments.shard.health.watch import End
from deployments.shard.relay import Pace, Relay
from deployments.wire.codec import Codec
from deployments.wire.load import Load
from deployments.wire.loss import How
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.sockets import client_socket
from tests.deployments.roster_entries import entry_at
from tests.deployments.router.fake_shard import request
from tests.deployments.shard.idle_engine import IdleEngine


def test_a_router_learns_what_is_known_of_its_requests_and_when_the_rank_goes() -> None:
    async def scene() -> None:
        endpoint, idle, codec = Endpoint("127.0.0.1"), IdleEngine(), Codec()
        relay: Any = Relay(idle, endpoint, idle, 0.95, Pace(int, lambda *_: None))  # type: ignore[arg-type]
        running = asyncio.create_task(relay.run())
        context = zmq.asyncio.Context()
        router = client_socket(context, entry_at(endpoint), death_s=2)
        requests = codec.encode([request("a"), request("b")])
        router.send_multipart([ToShard.ADD.value, msgspec.msgpack.encode([0, 0]), *requests])
        aborts = msgspec.msgpack.encode(["a", "finished before"])
        router.send_multipart([ToShard.ABORT.value, aborts])
        router.send_multipart([ToShard.HELLO.value])
        kind, body = await router.recv_multipart()
        load = msgspec.msgpack.decode(body, type=Load)
        assert (ToRouter(kind), load.requests, load.heard) == (ToRouter.LOAD, 1, 4)
        assert (idle.aborted, load.draining) == (["a"], False)
        assert relay.suspects(End(How.FAILED, "", steps=0)) == ("b",)
        assert relay.suspects(End(How.KILLED, "", steps=0, from_outside=True)) == ()
        assert relay.suspects(End(How.KILLED, "", steps=1, from_outside=True)) == ("b",)
        relay.drain()
        _, body = await router.recv_multipart()  # of its cache
        while not msgspec.msgpack.decode((await router.recv_multipart())[1], type=Load).draining:
            pass
        running.cancel()
        context.destroy(linger=0)
        endpoint.close()

    asyncio.run(asyncio.wait_for(scene(), timeout=30))


def test_steps_that_come_all_at_once_are_as_long_as_the_engine_says() -> None:
    class Burst(IdleEngine):
        """Gives steps of 50 ms each that have all ended by now."""

        left = 300

        async def outputs(self) -> Any:
            if not self.left:
                await asyncio.Event().wait()
            self.left -= 1
            details = SchedulerIterationDetails(self.left, 0, 0, 1, 1, elapsed_ms=50.0)
            return EngineCoreOutputs(scheduler_stats=SchedulerStats(iteration_details=details))

    async def scene() -> StepTime | None:
        endpoint, engine = Endpoint("127.0.0.1"), Burst()
        relay: Any = Relay(engine, endpoint, engine, 0.95, Pace(int, lambda *_: None))  # type: ignore[arg-type]
        relay._ledger.add(b"router", "a", 10, 10)
        running = asyncio.create_task(relay.run())
        while engine.left:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        running.cancel()
        endpoint.close()
        step: StepTime | None = relay.steps.step
        return step

    step = asyncio.run(asyncio.wait_for(scene(), timeout=30))
    assert step is not None
    assert step.base_s + step.sequence_s == pytest.approx(0.05, rel=0.01)
