"""The ranks that a router can reach, gang by gang."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Protocol

import zmq.asyncio
from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest

from configs.admission import Admission
from configs.deployment import Survival
from deployments.router.gang_deaths import GangDeaths
from deployments.router.link import Link
from deployments.router.prompt_blocks import prompt_blocks
from deployments.scheduling.prefix_index import Cached, PrefixIndex
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket
from deployments.wire.rank_entry import RankEntry

logger = logging.getLogger("ray.serve")

_POLL_S = 10.0
_RETRY_S = 1.0


class Listener(Protocol):
    """The owner of a fleet, which takes what ranks say and notes when they come or go."""

    def take_outputs(self, step: EngineCoreOutputs) -> None:
        """Take the outputs of a rank's step, none of them where only its load has changed."""

    def ranks_changed(self) -> None:
        """Note that a rank came up or was lost."""

    def blame(self, gang: str, suspects: tuple[str, ...]) -> None:
        """Note which requests may have ended a gang, by their ids at its rank; maybe none."""


class Roster(Protocol):
    """The ranks that a router may use."""

    async def living(self) -> list[RankEntry]:
        """Return those that are up."""

    async def next_change(self, timeout_s: float) -> list[RankEntry]:
        """Return them at the next change, or after `timeout_s`."""


class Fleet:
    """Follows the roster, keeps a link to every rank, and knows which gangs are whole.

    A gang steps in lockstep: while one of its ranks can't be reached, none of them is usable.
    """

    def __init__(
        self,
        roster: Roster,
        admission: Admission,
        survival: Survival,
        listener: Listener,
    ) -> None:
        self._roster = roster
        self._admission = admission
        self._survival = survival
        self._listener = listener
        self._context = zmq.asyncio.Context()
        self._links: dict[str, Link] = {}
        self._prefixes = PrefixIndex()
        self._lost_at_s: dict[str, float] = {}
        self._deaths = GangDeaths(listener.blame)
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """Follow the roster for ever, also past failures of the roster."""
        ranks = await self._ask(self._roster.living)
        while True:
            for entry in ranks:
                self._connect(entry)
            # Ranks whose link was lost but that are still listed are tried again each round.
            retry = any(entry.replica not in self._links for entry in ranks)
            ranks = await self._ask(self._roster.next_change, _RETRY_S if retry else _POLL_S)

    async def _ask(
        self, method: Callable[..., Awaitable[list[RankEntry]]], *args: float
    ) -> list[RankEntry]:
        while True:
            try:
                return await method(*args)
            except Exception as error:
                logger.warning("the roster doesn't answer (%s); links stay as they are", error)
                await asyncio.sleep(_RETRY_S)

    def _connect(self, entry: RankEntry) -> None:
        lost_s = time.monotonic() - self._lost_at_s.get(entry.replica, float("-inf"))
        if entry.replica in self._links or lost_s < _RETRY_S:
            return
        load = RankLoad(entry.replica, limits(entry, self._admission), bit=self._free_bit())
        link = Link(entry, self._context, load, self._survival)
        self._links[entry.replica] = link
        announcing = self._start(self._announce(link))
        self._start(self._keep(link)).add_done_callback(lambda _: announcing.cancel())

    def _start(self, work: Coroutine[object, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _announce(self, link: Link) -> None:
        await link.up.wait()
        logger.info("rank %d of gang %s is up", link.entry.rank, link.entry.gang)
        self._listener.ranks_changed()

    async def _keep(self, link: Link) -> None:
        try:
            on_cache = partial(self._prefixes.change, link.load.bit)
            await link.run(self._listener.take_outputs, on_cache)
        finally:
            logger.warning("rank %d of gang %s is lost", link.entry.rank, link.entry.gang)
            del self._links[link.entry.replica]
            self._prefixes.forget(link.load.bit)
            self._lost_at_s[link.entry.replica] = time.monotonic()
            if link.death is not None:
                self._deaths.add(link.entry, link.death)
            self._listener.ranks_changed()

    def cached(self, ticket: Ticket) -> Cached:
        """Look up what ranks have cached of a prompt, which all cut into blocks of one size."""
        rank = next(iter(self._links.values()))
        return self._prefixes.cached(ticket.blocks, rank.entry.block_tokens)

    def blocks(self, request: EngineCoreRequest) -> tuple[int, ...]:
        """Hash a prompt's blocks; return none unless there is a choice of ranks that cache them."""
        rank = next(iter(self._links.values()), None)
        if rank is None or len(self._links) < 2 or rank.entry.prefix_hash is None:
            return ()
        return prompt_blocks(request, rank.entry.prefix_hash, rank.entry.block_tokens)

    def _free_bit(self) -> int:
        taken = sum(link.load.bit for link in self._links.values())
        return ~taken & (taken + 1)  # the lowest bit that isn't taken

    def usable(self) -> Iterator[Link]:
        """Return the links to every rank of every gang that is whole."""
        up = [link for link in self._links.values() if link.up.is_set()]
        present: dict[str, int] = {}
        for link in up:
            present[link.entry.gang] = present.get(link.entry.gang, 0) + 1
        return (link for link in up if present[link.entry.gang] == link.entry.ranks)

    def rank_loads(self) -> list[RankLoad]:
        """Return the loads of ranks that take new requests: those of a draining gang don't."""
        usable = list(self.usable())
        draining = {link.entry.gang for link in usable if link.draining}
        return [link.load for link in usable if link.entry.gang not in draining]

    def dying(self, gang: str) -> bool:
        """Tell whether the gang dies by an engine, and which was first can't be told yet."""
        return self._deaths.open(gang)

    def gang_of(self, replica: str) -> str:
        """Return the gang of a rank that is linked."""
        return self._links[replica].entry.gang

    def link(self, replica: str | None) -> Link | None:
        return self._links.get(replica) if replica is not None else None

    async def close(self) -> None:
        """Close all links."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._context.destroy(linger=0)


def limits(entry: RankEntry, admission: Admission) -> Limits:
    """Compute what a rank is given at most, from its engine's limits and the configuration."""
    return Limits(
        sequences=entry.max_num_seqs,
        prefill_tokens=int(admission.prefill_steps * entry.max_num_batched_tokens),
        kv_tokens=int(admission.kv_share * entry.kv_tokens),
        block_tokens=entry.block_tokens,
        reserve=admission.reserve,
    )
