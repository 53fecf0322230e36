import asyncio

import pytest
import zmq
import zmq.asyncio

from deployments.shard.endpoint import Endpoint
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.sockets import client_socket


async def reaches(endpoint: Endpoint, public: bytes, secret: bytes) -> bool:
    """Whether a client with these keys gets a word through."""
    context = zmq.asyncio.Context()
    socket = client_socket(context, endpoint.address, endpoint.server_public, public, secret)
    socket.send_multipart([ToShard.HELLO.value])
    try:
        await asyncio.wait_for(endpoint.receive(), timeout=1)
    except TimeoutError:
        return False
    finally:
        context.destroy(linger=0)
    return True


@pytest.mark.parametrize("invited", [True, False])
def test_only_who_has_the_shards_client_key_gets_in(invited: bool) -> None:
    async def scene() -> bool:
        endpoint = Endpoint("127.0.0.1")
        stranger = zmq.curve_keypair()
        keys = (endpoint.client_public, endpoint.client_secret) if invited else stranger
        try:
            return await reaches(endpoint, *keys)
        finally:
            endpoint.close()

    assert asyncio.run(scene()) == invited


def test_sending_to_a_router_that_is_gone_says_so() -> None:
    async def scene() -> bool:
        endpoint = Endpoint("127.0.0.1")
        try:
            return await endpoint.send(b"nobody", ToRouter.DEAD)
        finally:
            endpoint.close()

    assert asyncio.run(scene()) is False
