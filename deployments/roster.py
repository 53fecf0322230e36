"""Which ranks are up, and why others were lost: soft state, renewed by the ranks themselves.

`Roster` is plain data with a clock handed in; `RosterService` is the Serve deployment around it.
A roster that restarts is full again after one renewal; meanwhile links between routers and shards
live on, because no router drops a link when its entry is missing.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from deployments.handovers import Handovers
from deployments.losses import Cause, Causes, cause_of
from deployments.wire.handover import Handover, HandoverReport
from deployments.wire.loss import How, Loss
from deployments.wire.rank_entry import RankEntry

RENEW_EVERY_S = 2.0
EXPIRE_AFTER_S = 10.0
_DECIDE_AFTER_S = 5.0

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class _Listed:
    entry: RankEntry
    since_s: float
    renewed_s: float
    refused: str = ""

    def vanished(self, for_s: float) -> Loss:
        entry = self.entry
        return Loss(
            gang=entry.gang,
            rank=entry.rank,
            ranks=entry.ranks,
            node=urlsplit(entry.endpoint).hostname or "",
            how=How.VANISHED,
            doing=f"its replica, its node or the network ended: nothing was heard for {for_s:g} s",
            lived_s=self.renewed_s - self.since_s,
        )


class Roster:
    """Entries by replica, each good for `EXPIRE_AFTER_S` after its last renewal."""

    def __init__(self) -> None:
        self._entries: dict[str, _Listed] = {}

    def renew(self, entry: RankEntry, now_s: float) -> bool:
        """Add or renew an entry; return True if its rank is new."""
        known = self._entries.get(entry.replica)
        since_s, refused = (known.since_s, known.refused) if known else (now_s, "")
        self._entries[entry.replica] = _Listed(entry, since_s, now_s, refused)
        return known is None

    def withdraw(self, replica: str) -> bool:
        """Remove a rank that says it is going; return True if it was there."""
        return self._entries.pop(replica, None) is not None

    def lose(self, gang: str, rank: int) -> bool:
        """Remove a rank that says that it is lost; return True if it was there."""
        entries = (listed.entry for listed in self._entries.values())
        places = {(entry.gang, entry.rank): entry.replica for entry in entries}
        return self.withdraw(places.get((gang, rank), ""))

    def expire(self, now_s: float) -> list[Loss]:
        """Remove the entries that weren't renewed for too long; return their ranks' losses."""
        losses = self.unheard(now_s, EXPIRE_AFTER_S)
        for replica, listed in list(self._entries.items()):
            if now_s - listed.renewed_s >= EXPIRE_AFTER_S:
                del self._entries[replica]
        return losses

    def unheard(self, now_s: float, for_s: float) -> list[Loss]:
        """Return, as losses, the ranks whose entries weren't renewed for so long."""
        return [
            listed.vanished(for_s)
            for listed in self._entries.values()
            if now_s - listed.renewed_s >= for_s
        ]

    def refuse(self, replica: str, why: str) -> None:
        """Note that a router doesn't use a rank."""
        if (listed := self._entries.get(replica)) is not None:
            self._entries[replica] = replace(listed, refused=why)

    def living(self) -> list[RankEntry]:
        """Return the entries, by gang and rank."""
        entries = (
            listed.entry.model_copy(update={"refused": listed.refused})
            for listed in self._entries.values()
        )
        return sorted(entries, key=lambda entry: (entry.gang, entry.rank))


class RosterService:
    """The Serve deployment of the roster.

    It has one replica for all ranks and routers of an application.
    """

    def __init__(self) -> None:
        self._roster = Roster()
        self._changed = asyncio.Event()
        self._meetings: dict[str, asyncio.Future[tuple[str, int]]] = {}
        self._causes = Causes()
        self._handovers = Handovers()
        self._ended: dict[str, list[Loss]] = {}  # by gang, those of it that were lost
        self._deciding: set[asyncio.Task[None]] = set()
        self._died: dict[str, asyncio.Event] = {}  # by gang

    async def renew(self, entry: RankEntry) -> int:
        """Return the most prompt tokens that wait at one rank of the gang."""
        if self._roster.renew(entry, time.monotonic()):
            if self._ended.pop(entry.gang, None) is not None:
                # Its renewals were late. A gang that is lost doesn't come back under its name.
                logger.warning("gang %s goes on", entry.gang)
                self._causes.forget(entry.gang)
            self._notify()
        gang = (other for other in self._living() if other.gang == entry.gang)
        return max((other.prefill_tokens for other in gang), default=0)

    async def withdraw(self, replica: str) -> None:
        if self._roster.withdraw(replica):
            self._notify()

    async def living(self) -> list[RankEntry]:
        return self._living()

    async def next_change(
        self, timeout_s: float, heard: Collection[str] | None = None
    ) -> list[RankEntry]:
        """Wait for the next change, for at most `timeout_s`; return all living ranks.

        If others live than `heard`, which the caller heard of last, that was the change: ranks of
        a gang come up within moments of each other, and of the caller's asking.
        """
        living, changed = self._living(), self._changed
        if heard is not None and {entry.replica for entry in living} != set(heard):
            return living
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await changed.wait()
        return self._living()

    def _living(self) -> list[RankEntry]:
        now_s = time.monotonic()
        for loss in self._roster.expire(now_s):
            self._lose(loss)
        return self._roster.living()

    async def refuse(self, replica: str, why: str) -> None:
        """Take from a router why it doesn't use a rank; the operator sees it."""
        self._roster.refuse(replica, why)

    async def lose(self, loss: Loss) -> None:
        """Take from a rank how it ended."""
        self._lose(loss)
        if self._roster.lose(loss.gang, loss.rank):
            self._notify()
        if loss.how in (How.KILLED, How.FAILED):
            self._death(loss.gang).set()

    async def died(self, gang: str, timeout_s: float) -> bool:
        """Wait, for at most `timeout_s`, until a rank of a gang has said that its engine died.

        Ranks ask that have no work: nothing else tells them. One that hangs waits for another, and
        is to say itself where.
        """
        died = self._death(gang)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await died.wait()
        return died.is_set()

    def _death(self, gang: str) -> asyncio.Event:
        return self._died.setdefault(gang, asyncio.Event())

    def _lose(self, loss: Loss) -> None:
        losses = self._ended.setdefault(loss.gang, [])
        losses.append(loss)
        if len(losses) == 1:
            task = asyncio.create_task(self._decide(loss.gang))
            self._deciding.add(task)
            task.add_done_callback(self._deciding.discard)

    async def _decide(self, gang: str) -> None:
        """Log one cause of a gang's end, once its other ranks have had time to report theirs."""
        await asyncio.sleep(_DECIDE_AFTER_S)
        if (losses := self._ended.get(gang)) is None:
            return
        now_s = time.monotonic()
        reported = {loss.rank for loss in losses}
        losses += (
            loss
            for loss in self._roster.unheard(now_s, 2 * RENEW_EVERY_S)
            if loss.gang == gang and loss.rank not in reported
        )
        cause = cause_of(losses)
        self._causes.add(cause, now_s)
        logger.error(
            "gang %s is lost by its rank %d of %d, on node %s: %s",
            *(cause.gang, cause.rank, cause.ranks, cause.node, cause.doing),
        )

    async def causes(self) -> list[Cause]:
        """Return why the last gangs were lost, the latest first; `at_s` is seconds ago."""
        now_s = time.monotonic()
        return [replace(cause, at_s=now_s - cause.at_s) for cause in self._causes.last()]

    async def wait_s(self) -> float:
        """Return how long a gang that is about to start waits, after failures in a row."""
        return self._causes.wait_s(time.monotonic())

    async def hand_over(self, handover: Handover | None) -> None:
        """Have routers hand requests over; None: no more."""
        self._handovers.current = handover

    async def handed_over(self) -> list[HandoverReport]:
        """Return what routers have reported of late."""
        return self._handovers.reports(time.monotonic())

    async def handover(self, report: HandoverReport) -> Handover | None:
        """Take a router's report; return what it is to hand over."""
        self._handovers.hear(report, time.monotonic())
        return self._handovers.current

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
