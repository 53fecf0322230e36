"""Which ranks are up: soft state, renewed by the ranks themselves, that routers follow.

`Roster` is plain data with a clock handed in; `RosterService` is the Serve deployment around it.
A roster that restarts is full again after one renewal; meanwhile links between routers and shards
live on, because no router drops a link when its entry is missing.
"""

import asyncio
import contextlib
import time

from deployments.wire.rank_entry import RankEntry

RENEW_EVERY_S = 2.0
EXPIRE_AFTER_S = 10.0


class Roster:
    """Entries by replica, each good for `EXPIRE_AFTER_S` after its last renewal."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, RankEntry]] = {}

    def renew(self, entry: RankEntry, now_s: float) -> bool:
        """Add or renew an entry; return True if its rank is new."""
        known = entry.replica in self._entries
        self._entries[entry.replica] = (now_s, entry)
        return not known

    def withdraw(self, replica: str) -> bool:
        """Remove a rank that says it is going; return True if it was there."""
        return self._entries.pop(replica, None) is not None

    def living(self, now_s: float) -> list[RankEntry]:
        """Return the entries that haven't expired, by gang and rank."""
        self._entries = {
            replica: (renewed_s, entry)
            for replica, (renewed_s, entry) in self._entries.items()
            if now_s - renewed_s < EXPIRE_AFTER_S
        }
        entries = (entry for _, entry in self._entries.values())
        return sorted(entries, key=lambda entry: (entry.gang, entry.rank))


class RosterService:
    """The Serve deployment of the roster.

    It has one replica for all ranks and routers of an application.
    """

    def __init__(self) -> None:
        self._roster = Roster()
        self._changed = asyncio.Event()
        self._meetings: dict[str, asyncio.Future[tuple[str, int]]] = {}

    async def renew(self, entry: RankEntry) -> None:
        if self._roster.renew(entry, time.monotonic()):
            self._notify()

    async def withdraw(self, replica: str) -> None:
        if self._roster.withdraw(replica):
            self._notify()

    async def living(self) -> list[RankEntry]:
        return self._roster.living(time.monotonic())

    async def next_change(self, timeout_s: float) -> list[RankEntry]:
        """Wait for the next change, for at most `timeout_s`; return all living ranks."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await changed.wait()
        return self._roster.living(time.monotonic())

    async def host_meeting(self, gang: str, address: str, port: int) -> None:
        """Take from rank 0 of a gang where its ranks meet to form one data-parallel group."""
        if not (meeting := self._meeting(gang)).done():
            meeting.set_result((address, port))

    async def join_meeting(self, gang: str) -> tuple[str, int]:
        """Wait for rank 0 of a gang; return where its ranks meet."""
        return await asyncio.shield(self._meeting(gang))

    def _meeting(self, gang: str) -> asyncio.Future[tuple[str, int]]:
        if gang not in self._meetings:
            self._meetings[gang] = asyncio.get_running_loop().create_future()
        return self._meetings[gang]

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
