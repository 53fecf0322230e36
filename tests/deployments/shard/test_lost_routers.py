"""A router that dies or hangs, as a process of its own, leaves no request at a rank."""

import asyncio
import os
import signal
import sys
import time
from typing import Any

import pytest

from configs.deployment import Survival
from deployments.shard.endpoint import Endpoint
from deployments.shard.relay import Pace, Relay
from tests.deployments.roster_entries import entry_at
from tests.deployments.shard.idle_engine import IdleEngine

_ROUTER = """
import sys, time, msgspec, zmq.asyncio, asyncio
from deployments.wire.codec import Codec
from deployments.wire.messages import ToShard
from deployments.wire.rank_entry import RankEntry
from deployments.wire.sockets import client_socket
from tests.deployments.router.fake_shard import request
async def main():
    entry = RankEntry.model_validate_json(sys.argv[1])
    socket = client_socket(zmq.asyncio.Context(), entry, float(sys.argv[2]))
    requests = Codec().encode([request("running"), request("held")])
    await socket.send_multipart([ToShard.HELLO.value])
    await socket.send_multipart([ToShard.ADD.value, msgspec.msgpack.encode([0, 0]), *requests])
    while True:
        await socket.recv_multipart()
asyncio.run(main())
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_its_requests_are_aborted_within_the_bound(sent: signal.Signals) -> None:
    death_s = Survival().death_s

    async def scene() -> float:
        endpoint, engine = Endpoint("127.0.0.1", death_s), IdleEngine(kv_tokens=20)
        relay: Any = Relay(engine, endpoint, engine, 1.0, Pace(int, lambda *_: None))  # type: ignore[arg-type]
        relaying = asyncio.create_task(relay.run())
        arguments = entry_at(endpoint).model_dump_json(), str(death_s)
        router = await asyncio.create_subprocess_exec(sys.executable, "-c", _ROUTER, *arguments)
        while relay.load().requests < 2:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        os.kill(router.pid, sent)
        began_s = time.monotonic()
        while relay.load().requests:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        noticed_s = time.monotonic() - began_s
        assert engine.aborted == ["running", "held"]
        if sent is signal.SIGSTOP:
            router.kill()
        await router.wait()
        relaying.cancel()
        endpoint.close()
        return noticed_s

    assert asyncio.run(asyncio.wait_for(scene(), timeout=60)) < death_s
