"""The roster as a router uses it: without ranks that would continue its streams differently."""

import contextlib
import logging
from typing import Any

from deployments.identity import Identity, differences
from deployments.wire.rank_entry import RankEntry

logger = logging.getLogger("ray.serve")


class Handshake:
    """`roster` is a Serve handle. What it raises when it doesn't answer goes to the caller."""

    def __init__(self, roster: Any, expected: Identity) -> None:
        """Refuse ranks whose identity differs from `expected`.

        What isn't in there, the first rank decides.
        """
        self._roster = roster
        self._expected = dict(expected)
        self._refused: set[str] = set()
        self._heard: list[str] = []

    async def living(self) -> list[RankEntry]:
        """Return the ranks that are up and alike."""
        return await self._alike(await self._roster.living.remote())

    async def next_change(self, timeout_s: float) -> list[RankEntry]:
        """Return them at the next change, or after `timeout_s`."""
        return await self._alike(await self._roster.next_change.remote(timeout_s, self._heard))

    async def _alike(self, entries: list[RankEntry]) -> list[RankEntry]:
        self._heard = [entry.replica for entry in entries]
        alike = []
        for entry in entries:
            if different := differences(self._expected, entry.identity):
                await self._refuse(entry, "; ".join(different))
            else:
                self._expected |= entry.identity
                alike.append(entry)
        return alike

    async def _refuse(self, entry: RankEntry, why: str) -> None:
        if entry.replica in self._refused:
            return
        self._refused.add(entry.replica)
        logger.error("rank %d of gang %s isn't used: %s", entry.rank, entry.gang, why)
        with contextlib.suppress(Exception):  # the log has it
            await self._roster.refuse.remote(entry.replica, why)
