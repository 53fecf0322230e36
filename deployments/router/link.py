"""One router's connection to one rank."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec
import zmq
import zmq.asyncio
from vllm.v1.engine import EngineCoreOutputs

from deployments.roster import RankEntry
from deployments.router.routed_request import Flight
from deployments.scheduling.rank_load import Room
from deployments.scheduling.unacknowledged import OnTheWay
from deployments.shard.endpoint import client_socket
from deployments.wire.cache_change import CacheChange
from deployments.wire.messages import Codec, Frames, Load, ToRouter, ToShard

logger = logging.getLogger("ray.serve")

_BROKEN = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Listener(Protocol):
    """Hears what ranks say."""

    def take_outputs(self, step: EngineCoreOutputs) -> None:
        """Empty where only the rank's load has changed."""
        ...

    def take_cache(self, room: Room, change: CacheChange) -> None: ...


class Link:
    """Up from the rank's first word until it says DEAD, falls silent, or its socket breaks."""

    def __init__(
        self,
        entry: RankEntry,
        context: zmq.asyncio.Context,
        room: Room,
        silence_s: float,
        listener: Listener,
    ) -> None:
        self.entry = entry
        self.up = asyncio.Event()
        self.room = room
        self.draining = False
        self._on_the_way = OnTheWay(room)
        self._silence_s = silence_s
        self._listener = listener
        self._codec = Codec()
        self._socket = client_socket(
            context,
            entry.endpoint,
            entry.server_public,
            entry.client_public,
            entry.client_secret,
        )
        self._monitor = self._socket.get_monitor_socket(_BROKEN)

    async def run(self) -> None:
        """Returns when the link is lost; closes it."""
        self._send(ToShard.HELLO)
        listening = asyncio.create_task(self._listen())
        breaking = asyncio.ensure_future(self._monitor.recv_multipart())
        try:
            done, _ = await asyncio.wait({listening, breaking}, return_when=asyncio.FIRST_COMPLETED)
            if listening in done and (error := listening.exception()) is not None:
                logger.warning("rank %d: %r", self.entry.rank, error)
        finally:
            for task in (listening, breaking):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
            self._socket.close(linger=0)

    async def _listen(self) -> None:
        while True:
            async with asyncio.timeout(self._silence_s):
                kind, *body = await self._socket.recv_multipart(copy=False)
            match ToRouter(kind.bytes):
                case ToRouter.OUTPUTS:
                    step = self._codec.outputs(body[1:])
                    self._on_the_way.hear(step.outputs)
                    self._take_load(body[0])
                    self._listener.take_outputs(step)
                case ToRouter.LOAD:
                    self._take_load(body[0])
                    self._listener.take_outputs(EngineCoreOutputs())
                case ToRouter.CACHE:
                    change = msgspec.msgpack.decode(body[0].buffer, type=CacheChange)
                    self._listener.take_cache(self.room, change)
                case ToRouter.DEAD:
                    return
            self.up.set()

    def _take_load(self, frame: zmq.Frame) -> None:
        load = msgspec.msgpack.decode(frame.buffer, type=Load)
        self._on_the_way.report(load)
        self.draining = load.draining

    def add(self, flights: Sequence[Flight]) -> None:
        """Requests that `room` counts already."""
        cached_tokens = [flight.ticket.cached_tokens for flight in flights]
        requests = self._codec.encode([flight.message() for flight in flights])
        self._send(ToShard.ADD, [msgspec.msgpack.encode(cached_tokens), *requests])
        self._on_the_way.add(flight.ticket for flight in flights)

    def abort(self, flight: Flight) -> None:
        """`room` counts it no more."""
        self._send(ToShard.ABORT, self._codec.encode([flight.wire_id]))
        self._on_the_way.abort(flight.wire_id, flight.ticket, started=flight.started)

    def _send(self, kind: ToShard, body: Frames = ()) -> None:
        # Without a send limit a DEALER takes every message at once; the future needs no waiting.
        self._socket.send_multipart([kind.value, *body], copy=False)
