"""Which blocks a rank's prefix cache holds, as its engine reports."""

import tempfile
from pathlib import Path

import msgspec
import zmq
import zmq.asyncio

from deployments.shard.cache_events import SCHEME
from deployments.wire.cache_change import CacheChange
from deployments.wire.sockets import tune


class CacheFeed:
    """Follows the prefix cache of this rank's engine.

    `endpoint` is for the engine's configuration; no other user of the machine can open it.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="small4-")
        address = f"ipc://{Path(self._directory.name) / 'cache'}"
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.PULL)
        tune(self._socket)
        self._socket.bind(address)
        self._held: set[int] = set()
        self.endpoint = f"{SCHEME}{address}"

    async def next_change(self) -> CacheChange:
        change = msgspec.msgpack.decode(await self._socket.recv(), type=CacheChange)
        if change.cleared:
            self._held.clear()
        self._held.update(change.stored)
        self._held.difference_update(change.removed)
        return change

    def all_held(self) -> CacheChange:
        """Return all blocks as one change, for a router that knows none yet."""
        return CacheChange(cleared=True, stored=list(self._held), removed=[])

    def close(self) -> None:
        self._context.destroy(linger=0)
        self._directory.cleanup()
