"""Stands for an engine, and for the feed of its cache: nothing ever comes from either."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from deployments.wire.cache_change import CacheChange


@dataclass
class IdleEngine:
    """Takes requests and waits."""

    kv_tokens: int = 1000
    block_tokens: int = 1
    max_num_seqs: int = 8
    aborted: list[str] = field(default_factory=list)

    async def add(self, _: Any) -> None:
        pass

    async def abort(self, request_ids: list[str]) -> None:
        self.aborted += request_ids

    async def outputs(self) -> Any:
        await asyncio.Event().wait()

    next_change = outputs

    def all_held(self) -> CacheChange:
        return CacheChange(cleared=False, stored=[], removed=[])
