"""Counts experts in a rank's engine for as long as a command keeps asking."""

import asyncio
from typing import Protocol

from configs.schema import Strict


class Counting(Protocol):
    """The part of an engine that is needed here."""

    @property
    def uncountable(self) -> str | None: ...
    async def start_counting(self) -> None: ...
    async def counted(self) -> tuple[int, list[list[int]]]: ...
    async def stop_counting(self) -> None: ...


class RankCount(Strict):
    """What one rank has counted since a recording began, or why it doesn't count."""

    replica: str
    refusal: str | None = None
    tokens: int = 0
    chosen: tuple[tuple[int, ...], ...] = ()  # (layers, experts)


class Recording:
    """Keeps one recording at a time, and ends it when no command asks for it any more."""

    def __init__(self, engine: Counting, replica: str) -> None:
        self._engine = engine
        self._replica = replica
        self._name: str | None = None
        self._expiry: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def count(self, name: str, lease_s: float) -> RankCount:
        """Return what the recording `name`, which begins with its first call, has counted.

        The recording ends `lease_s` after the last call; at once if that is 0.
        """
        async with self._turn:
            if refusal := await self._begin(name):
                return RankCount(replica=self._replica, refusal=refusal)
            try:
                tokens, chosen = await self._engine.counted()
            finally:
                await self._extend(lease_s)
        return RankCount.model_validate(
            {"replica": self._replica, "tokens": tokens, "chosen": chosen}
        )

    async def _begin(self, name: str) -> str | None:
        """Begin a recording, unless it runs already; return why not, if it can't."""
        if self._name is None:
            if self._engine.uncountable:
                return self._engine.uncountable
            try:
                await self._engine.start_counting()
            except Exception as error:  # only the text of the engine's error says what went wrong
                return str(error)
            self._name = name
        return None if self._name == name else "another recording runs: try again after it."

    async def _extend(self, lease_s: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        if lease_s > 0:
            self._expiry = asyncio.create_task(self._expire(lease_s))
        else:
            await self._stop()

    async def _expire(self, lease_s: float) -> None:
        await asyncio.sleep(lease_s)
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        self._name = self._expiry = None
        await self._engine.stop_counting()
