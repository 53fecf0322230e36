"""A vLLM plugin: an engine tells its shard which blocks its prefix cache holds.

vLLM publishes the events of its cache, with the tokens in them, to any process that connects to a
port. Here only hashes leave the engine, to a socket in the shard's own directory. Read from vLLM
0.32.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import zmq
from vllm.distributed import kv_events
from vllm.distributed.kv_events import AllBlocksCleared, BlockStored

from deployments.wire.blocks import as_number
from deployments.wire.cache_change import CacheChange
from deployments.wire.sockets import tune

SCHEME = "small4+"  # before a ZMQ address: not for vLLM's own publisher


def register() -> None:
    """Make vLLM create our publisher for addresses that begin with SCHEME.

    Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice.
    """
    kv_events.EventPublisherFactory._registry["zmq"] = _publisher


def _publisher(endpoint: str, **options: Any) -> Any:
    if endpoint.startswith(SCHEME):
        return CachePublisher(endpoint.removeprefix(SCHEME))
    return kv_events.ZmqEventPublisher(endpoint=endpoint, **options)


class CachePublisher(kv_events.EventPublisher):
    """Sends the shard what the scheduler publishes after each step that changes the cache."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._copies = Copies()
        self._socket: Any = zmq.Context.instance().socket(zmq.PUSH)
        tune(self._socket)  # it never waits for the shard
        self._socket.connect(address)

    def publish(self, events: Any) -> None:
        self._socket.send(msgspec.msgpack.encode(self._copies.change(events.events)))

    def shutdown(self) -> None:
        self._socket.close()


class Copies:
    """Counts how often the cache holds each block: vLLM reports every copy that comes and goes."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def change(self, events: Iterable[Any]) -> CacheChange:
        """Return the net effect of `events`, in their order.

        Memories other than the engine's own don't count. What vLLM calls GPU is a CPU engine's own
        memory, too.
        """
        cleared, before = False, dict[int, bool]()
        for event in events:
            if isinstance(event, AllBlocksCleared):
                cleared, before = True, {}
                self._counts.clear()
            elif event.medium in (kv_events.MEDIUM_GPU, None):
                step = 1 if isinstance(event, BlockStored) else -1
                for block in map(as_number, event.block_hashes):
                    before.setdefault(block, block in self._counts)
                    self._count(block, step)
        return CacheChange(
            cleared,
            [block for block, was in before.items() if block in self._counts and not was],
            [block for block, was in before.items() if was and block not in self._counts],
        )

    def _count(self, block: int, step: int) -> None:
        self._counts[block] += step
        if self._counts[block] <= 0:
            del self._counts[block]
