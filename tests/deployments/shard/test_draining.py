"""When a rank of a gang that is about to go may end."""

import asyncio

from deployments.shard.draining import drained
from deployments.wire.rank_entry import RankEntry
from tests.deployments.roster_entries import entry

LONG_S = 60.0


class Ranks:
    """Stands for the roster and for this rank's own count of requests."""

    def __init__(self, own: int, *others: RankEntry) -> None:
        self.own = own
        self.others = list(others)
        self.gone = False
        self.looked = asyncio.Event()
        self.asked = asyncio.Event()

    def own_requests(self) -> int:
        self.looked.set()
        return self.own

    async def living(self) -> list[RankEntry]:
        self.asked.set()
        if self.gone:
            raise ConnectionError("no roster")
        return self.others

    def drained(self, within_s: float = LONG_S) -> "asyncio.Task[None]":
        return asyncio.create_task(drained("g", within_s, self.own_requests, self.living))


def test_it_stays_for_its_own_streams_and_then_for_those_of_its_gang() -> None:
    async def scene() -> None:
        ranks = Ranks(1, entry("b", gang="g", requests=1), entry("c", gang="another", requests=9))
        ending = ranks.drained()
        await ranks.looked.wait()
        assert not ranks.asked.is_set()
        ranks.own = 0
        await ranks.asked.wait()
        assert not ending.done()
        ranks.others[0] = entry("b", gang="g", requests=0)
        await ending

    asyncio.run(asyncio.wait_for(scene(), timeout=30))


def test_it_stays_no_longer_than_it_may() -> None:
    async def scene() -> None:
        await Ranks(1).drained(within_s=0.1)

    asyncio.run(asyncio.wait_for(scene(), timeout=30))


def test_without_a_roster_nobody_is_waited_for() -> None:
    async def scene() -> None:
        ranks = Ranks(0)
        ranks.gone = True
        await ranks.drained()

    asyncio.run(asyncio.wait_for(scene(), timeout=30))
