"""Sockets of both ends: their options, and how a router connects to a shard."""

from typing import Any

import zmq
import zmq.asyncio

from deployments.wire.rank_entry import RankEntry


def tune(socket: zmq.Socket[Any]) -> None:
    """Set the options that all sockets share: no lingering, no limit on queued messages."""
    socket.linger = 0
    socket.sndhwm = 0
    socket.rcvhwm = 0


def notice_death(socket: zmq.Socket[Any], death_s: float) -> None:
    """Drop a peer that doesn't answer, within `death_s`, which ZMTP's own pings find out.

    So a peer is noticed that went without closing its socket: a lost node, a cut network, a stopped
    process. A busy peer answers, for no Python runs in the thread that does.
    """
    socket.heartbeat_ivl = int(125 * death_s)
    socket.heartbeat_timeout = int(625 * death_s)
    socket.connect_timeout = int(1000 * death_s)
    socket.handshake_ivl = int(1000 * death_s)


def client_socket(context: zmq.asyncio.Context, entry: RankEntry, death_s: float) -> Any:
    """Return a DEALER connected to a rank's endpoint; once it breaks, it stays broken."""
    socket = context.socket(zmq.DEALER)
    tune(socket)
    notice_death(socket, death_s)
    socket.reconnect_ivl = -1
    socket.curve_serverkey = entry.server_public
    socket.curve_publickey = entry.client_public
    socket.curve_secretkey = entry.client_secret
    socket.connect(entry.endpoint)
    return socket
