import asyncio

import pytest
import zmq
import zmq.asyncio

from deployments.shard.endpoint import Endpoint
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.sockets import client_socket
from tests.deployments.roster_entries import entry_at


async def reaches(endpoint: Endpoint, public: bytes, secret: bytes) -> bool:
    """Send a message with these keys; return True if it arrives, False if it is refused."""
    context = zmq.asyncio.Context()
    keys = {"client_public": public, "client_secret": secret}
    socket = client_socket(context, entry_at(endpoint).model_copy(update=keys), death_s=2)
    refusals = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    socket.send_multipart([ToShard.HELLO.value])
    arrival = asyncio.ensure_future(endpoint.receive())
    refusal = asyncio.ensure_future(refusals.recv_multipart())
    done, pending = await asyncio.wait({arrival, refusal}, return_when="FIRST_COMPLETED")
    for future in pending:
        future.cancel()
    socket.disable_monitor()
    context.destroy(linger=0)
    return arrival in done


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

    assert asyncio.run(asyncio.wait_for(scene(), timeout=30)) == invited


def test_sending_to_a_router_that_is_gone_says_so() -> None:
    async def scene() -> bool:
        endpoint = Endpoint("127.0.0.1")
        try:
            return await endpoint.send(b"nobody", ToRouter.DEAD)
        finally:
            endpoint.close()

    assert asyncio.run(scene()) is False
