"""Where routers reach a shard: a ZMQ ROUTER socket behind CurveZMQ.

Each shard makes a key pair for itself and one for its clients, and hands the second to routers
through the roster. A client that lacks it can't complete the handshake.
"""

import zmq
import zmq.asyncio
import zmq.auth.asyncio

from deployments.wire.codec import Frames
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.sockets import notice_death, tune


class Endpoint:
    """A shard's socket, on a free port of `host`. Must be made inside a running event loop."""

    def __init__(self, host: str, death_s: float = 2.0) -> None:
        self.server_public, server_secret = zmq.curve_keypair()
        self.client_public, self.client_secret = zmq.curve_keypair()
        self._context = zmq.asyncio.Context()
        self._authenticator = zmq.auth.asyncio.AsyncioAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(credentials_provider=self)
        self._socket = self._context.socket(zmq.ROUTER)
        tune(self._socket)
        notice_death(self._socket, death_s)
        self._socket.curve_server = True
        self._socket.curve_publickey = self.server_public
        self._socket.curve_secretkey = server_secret
        # Sending to a router that is gone must fail here, not vanish.
        self._socket.router_mandatory = True
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        port = self._socket.bind_to_random_port(f"tcp://{host}")
        self.address = f"tcp://{host}:{port}"

    def callback(self, domain: str, key: bytes) -> bool:
        """Tell pyzmq's authenticator, once a connection, whether a client's public key is right."""
        return key == self.client_public

    async def receive(self) -> tuple[bytes, ToShard, Frames]:
        """Return the next `(router, kind, body)`. Raises ValueError if the kind is unknown."""
        router, kind, *body = await self._socket.recv_multipart(copy=False)
        return router.bytes, ToShard(kind.bytes), body

    async def disconnection(self) -> None:
        """Wait until some router is gone."""
        await self._monitor.recv_multipart()

    async def send(self, router: bytes, kind: ToRouter, body: Frames = ()) -> bool:
        """Send a message; return False if its router is gone."""
        try:
            await self._socket.send_multipart([router, kind.value, *body], copy=False)
        except zmq.ZMQError as error:
            if error.errno == zmq.EHOSTUNREACH:
                return False
            raise
        return True

    def close(self) -> None:
        self._authenticator.stop()
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._context.destroy(linger=0)
