"""One router's connection to one rank."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import msgspec
import zmq
import zmq.asyncio
from vllm.v1.engine import EngineCoreOutputs

from configs.deployment import Survival
from deployments.router.routed_request import RoutedRequest
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.unacknowledged import Unacknowledged
from deployments.wire.cache_change import CacheChange
from deployments.wire.codec import Codec, Frames
from deployments.wire.load import Load
from deployments.wire.loss import Death
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.rank_entry import RankEntry
from deployments.wire.sockets import client_socket

logger = logging.getLogger("ray.serve")

_BROKEN = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Link:
    """A connection to a rank, whose load it keeps up to date.

    It is up from the rank's first message until the rank says DEAD or falls silent, or its socket
    breaks.
    """

    def __init__(
        self,
        entry: RankEntry,
        context: zmq.asyncio.Context,
        load: RankLoad,
        survival: Survival,
    ) -> None:
        self.entry = entry
        self.up = asyncio.Event()
        self.load = load
        self.draining = False
        self.death: Death | None = None  # what the rank said as its engine died
        self._unacknowledged = Unacknowledged(load)
        self._silence_s = survival.silence_s
        self._codec = Codec()
        self._socket = client_socket(context, entry, survival.death_s)
        self._monitor = self._socket.get_monitor_socket(_BROKEN)

    async def run(
        self,
        on_outputs: Callable[[EngineCoreOutputs], None],
        on_cache: Callable[[CacheChange], None],
    ) -> None:
        """Talk to the rank until the link is lost, then close the link.

        The outputs of each step go to `on_outputs`, none of them where only the load has changed.
        """
        self._send(ToShard.HELLO)
        listening = asyncio.create_task(self._listen(on_outputs, on_cache))
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

    async def _listen(
        self,
        on_outputs: Callable[[EngineCoreOutputs], None],
        on_cache: Callable[[CacheChange], None],
    ) -> None:
        while True:
            async with asyncio.timeout(self._silence_s):
                kind, *body = await self._socket.recv_multipart(copy=False)
            match ToRouter(kind.bytes):
                case ToRouter.OUTPUTS:
                    step = self._codec.outputs(body[1:])
                    self._unacknowledged.hear(step.outputs)
                    self._take_load(body[0])
                    on_outputs(step)
                case ToRouter.LOAD:
                    self._take_load(body[0])
                    on_outputs(EngineCoreOutputs())
                case ToRouter.CACHE:
                    change = msgspec.msgpack.decode(body[0].buffer, type=CacheChange)
                    on_cache(change)
                case ToRouter.DEAD:
                    self.death = msgspec.msgpack.decode(body[0].buffer, type=Death)
                    return
            self.up.set()

    def _take_load(self, frame: zmq.Frame) -> None:
        load = msgspec.msgpack.decode(frame.buffer, type=Load)
        self._unacknowledged.report(load)
        self.draining = load.draining

    def add(self, batch: Sequence[RoutedRequest]) -> None:
        """Send requests, which `load` counts already."""
        cached_tokens = [routed.ticket.cached_tokens for routed in batch]
        requests = self._codec.encode([routed.message() for routed in batch])
        self._send(ToShard.ADD, [msgspec.msgpack.encode(cached_tokens), *requests])
        self._unacknowledged.add(routed.ticket for routed in batch)

    def abort(self, routed: RoutedRequest) -> None:
        """Tell the rank to drop a request, and no longer count it in `load`."""
        self._send(ToShard.ABORT, self._codec.encode([routed.wire_id]))
        self._unacknowledged.abort(routed.wire_id, routed.ticket, started=routed.started)

    def _send(self, kind: ToShard, body: Frames = ()) -> None:
        # Without a send limit a DEALER takes every message at once; the future needs no waiting.
        self._socket.send_multipart([kind.value, *body], copy=False)
