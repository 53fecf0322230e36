"""Sockets of both ends: their options, and how a router connects to a shard."""

from typing import Any

import zmq
import zmq.asyncio

# A peer that vanished without closing its socket (a lost node) is noticed by ZMTP's own pings.
_PING_INTERVAL_MS = 1_000
_PING_TIMEOUT_MS = 5_000


def tune(socket: zmq.Socket[Any]) -> None:
    """Set the options that both ends share: no lingering, no limit on queued messages, pings."""
    socket.linger = 0
    socket.sndhwm = 0
    socket.rcvhwm = 0
    socket.heartbeat_ivl = _PING_INTERVAL_MS
    socket.heartbeat_timeout = _PING_TIMEOUT_MS


def client_socket(
    context: zmq.asyncio.Context,
    endpoint: str,
    server_public: bytes,
    client_public: bytes,
    client_secret: bytes,
) -> Any:
    """Return a DEALER connected to a shard's endpoint; once it breaks, it stays broken."""
    socket = context.socket(zmq.DEALER)
    tune(socket)
    socket.reconnect_ivl = -1
    socket.curve_serverkey = server_public
    socket.curve_publickey = client_public
    socket.curve_secretkey = client_secret
    socket.connect(endpoint)
    return socket
