"""From vLLM's events to what routers are told, over the real socket."""

import asyncio
from pathlib import Path
from typing import Any

from vllm.config.kv_events import KVEventsConfig
from vllm.distributed.kv_events import (
    AllBlocksCleared,
    BlockRemoved,
    BlockStored,
    EventPublisherFactory,
    KVEventBatch,
    ZmqEventPublisher,
)

from deployments.shard import cache_events
from deployments.shard.cache_events import CachePublisher, Copies
from deployments.shard.cache_feed import CacheFeed
from deployments.wire.blocks import as_number
from deployments.wire.cache_change import CacheChange


def stored(*blocks: Any, medium: str = "GPU") -> BlockStored:
    return BlockStored(
        block_hashes=[*blocks],
        parent_block_hash=None,
        token_ids=[],
        block_size=16,
        lora_id=None,
        medium=medium,
        lora_name=None,
    )


def removed(*blocks: int) -> BlockRemoved:
    return BlockRemoved(block_hashes=[*blocks], medium="GPU")


def test_a_block_is_held_while_there_is_a_copy_of_it() -> None:
    copies = Copies()
    assert copies.change([stored(1, 2), stored(9, medium="CPU")]) == CacheChange(False, [1, 2], [])
    assert copies.change([stored(1), removed(1, 2), stored(3)]) == CacheChange(False, [3], [2])
    assert copies.change([removed(1), stored(2), removed(2)]) == CacheChange(False, [], [1])
    cleared = [stored(5), AllBlocksCleared(), stored(4)]
    assert copies.change(cleared) == CacheChange(True, [4], [])


def test_whole_hashes_are_told_as_numbers() -> None:
    whole = bytes(range(32))
    assert Copies().change([stored(whole)]).stored == [as_number(whole)]


def publisher(endpoint: str) -> Any:
    cache_events.register()
    config = KVEventsConfig(enable_kv_cache_events=True, publisher="zmq", endpoint=endpoint)
    return EventPublisherFactory.create(config, data_parallel_rank=1)


def test_what_an_engine_tells_reaches_its_shard() -> None:
    async def scene() -> str:
        feed = CacheFeed()
        engine = publisher(feed.endpoint)
        assert isinstance(engine, CachePublisher)
        largest = (1 << 64) - 1
        engine.publish(KVEventBatch(ts=0, events=[stored(1, 2, largest)]))
        engine.publish(KVEventBatch(ts=0, events=[removed(1)]))
        assert await feed.next_change() == CacheChange(False, [1, 2, largest], [])
        assert await feed.next_change() == CacheChange(False, [], [1])
        everything = feed.all_held()
        assert everything.cleared
        assert sorted(everything.stored) == [2, largest]
        engine.shutdown()
        feed.close()
        return feed.endpoint.partition("ipc://")[2]

    assert not Path(asyncio.run(scene())).exists()


def test_other_endpoints_are_vllms_own() -> None:
    engine = publisher("inproc://elsewhere")
    assert isinstance(engine, ZmqEventPublisher)
    engine.shutdown()
