"""What a rank tells a router, over real sockets, from an engine that takes requests and waits."""

import asyncio
from typing import Any

import msgspec
import zmq.asyncio

from deployments.shard.endpoint import Endpoint
from deployments.shard.relay import Relay
from deployments.wire.cache_change import CacheChange
from deployments.wire.codec import Codec
from deployments.wire.load import Load
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.sockets import client_socket
from tests.deployments.router.fake_shard import request


class Idle:
    """Stands for the engine, and for the feed of its cache: nothing ever comes from either."""

    kv_tokens = 1000
    block_tokens = 1
    max_num_seqs = 8

    def __init__(self) -> None:
        self.aborted: list[str] = []

    async def add(self, _: Any) -> None:
        pass

    async def abort(self, request_ids: list[str]) -> None:
        self.aborted += request_ids

    async def outputs(self) -> Any:
        await asyncio.Event().wait()

    next_change = outputs

    def all_held(self) -> CacheChange:
        return CacheChange(cleared=False, stored=[], removed=[])


def test_a_router_learns_what_is_known_of_its_requests_and_when_the_rank_goes() -> None:
    async def scene() -> None:
        endpoint, idle, codec = Endpoint("127.0.0.1"), Idle(), Codec()
        relay: Any = Relay(idle, endpoint, idle, 0.95)  # type: ignore[arg-type]
        running = asyncio.create_task(relay.run())
        context = zmq.asyncio.Context()
        keys = endpoint.server_public, endpoint.client_public, endpoint.client_secret
        router = client_socket(context, endpoint.address, *keys)
        requests = codec.encode([request("a"), request("b")])
        router.send_multipart([ToShard.ADD.value, msgspec.msgpack.encode([0, 0]), *requests])
        aborts = msgspec.msgpack.encode(["a", "finished before"])
        router.send_multipart([ToShard.ABORT.value, aborts])
        router.send_multipart([ToShard.HELLO.value])
        kind, body = await router.recv_multipart()
        load = msgspec.msgpack.decode(body, type=Load)
        assert (ToRouter(kind), load.requests, load.heard) == (ToRouter.LOAD, 1, 4)
        assert (idle.aborted, load.draining) == (["a"], False)
        relay.drain()
        _, body = await router.recv_multipart()  # of its cache
        while not msgspec.msgpack.decode((await router.recv_multipart())[1], type=Load).draining:
            pass
        running.cancel()
        context.destroy(linger=0)
        endpoint.close()

    asyncio.run(asyncio.wait_for(scene(), timeout=30))
