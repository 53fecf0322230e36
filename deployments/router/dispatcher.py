"""Requests from the line to the ranks, and back to the line where a rank is lost or must give way.

The decisions are `dispatch` and `who_yields`; here they are carried out.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from vllm.v1.engine import EngineCoreOutputs

from configs.admission import Admission
from configs.deployment import Survival
from deployments.router.fleet import Fleet
from deployments.router.routed_request import Flight
from deployments.scheduling.dispatch import dispatch
from deployments.scheduling.preemption import who_yields
from deployments.scheduling.rank_load import Room
from deployments.scheduling.retry_after import Drain
from deployments.scheduling.waiting_line import Tier, WaitingLine

logger = logging.getLogger("ray.serve")


class Dispatcher:
    """Must be made inside a running event loop.

    `flights` are all unfinished requests by id. `on_lost` gets one that found no rank again.
    """

    def __init__(
        self,
        roster: Any,
        survival: Survival,
        admission: Admission,
        *,
        on_outputs: Callable[[EngineCoreOutputs], None],
        on_lost: Callable[[Flight], None],
    ) -> None:
        self.flights: dict[str, Flight] = {}
        self.deadline_s = survival.deadline_s
        self._waits = admission.waits
        self._on_outputs = on_outputs
        self._on_lost = on_lost
        self._line = WaitingLine()
        self._drain = Drain()
        self._round: asyncio.Handle | None = None
        self._fleet = Fleet(
            roster, admission, survival.silence_s, self._take_outputs, self._reconsider
        )
        self._following = asyncio.create_task(self._fleet.follow())

    def waiting(self) -> int:
        return len(self._line)

    def any_rank(self) -> bool:
        return bool(self._fleet.rooms())

    def patience_s(self, tier: Tier) -> float:
        """How long a request waits: for a rank with room, or without any rank for a gang."""
        if not self.any_rank():
            return self.deadline_s
        waits = self._waits
        return (waits.interactive_s, waits.standard_s, waits.batch_s)[tier]

    def retry_after_s(self) -> float:
        """When a refused request is likely to find room."""
        return self._drain.wait_s(len(self._line), time.monotonic())

    def join(self, flight: Flight) -> None:
        """`flight.sent` is set when it goes to a rank."""
        flight.ticket.blocks = self._fleet.blocks(flight.request)
        self._line.join(flight.ticket)
        self._plan_round()

    def turn_away_for(self, flight: Flight, reason: Exception) -> bool:
        """In a full line, whoever `last_below` names; False if nobody."""
        if (ticket := self._line.last_below(flight.ticket.tier)) is None:
            return False
        self._line.leave(ticket.request_id)
        last = self.flights[ticket.request_id]
        last.away = reason
        last.sent.set()
        return True

    def drop(self, flight: Flight) -> None:
        """Nobody wants it any more."""
        self.forget(flight)
        self._recall(flight)
        if len(self._line):
            self._plan_round()

    def forget(self, flight: Flight) -> None:
        """It has finished."""
        self.flights.pop(flight.request.request_id, None)
        self._line.part(flight.ticket)
        if flight.patience is not None:
            flight.patience.cancel()

    def check_health(self) -> None:
        """Raises RuntimeError if it doesn't follow any more which ranks there are."""
        if self._following.done():
            raise RuntimeError("the router doesn't follow the roster")

    async def close(self) -> None:
        """Lets go of every rank; what is in flight there is aborted by the ranks."""
        self._following.cancel()
        await self._fleet.close()

    def _take_outputs(self, step: EngineCoreOutputs) -> None:
        if len(self._line):
            self._plan_round()  # a rank that reports may have room again
        self._on_outputs(step)

    def _plan_round(self) -> None:
        """What arrives meanwhile goes out together: one message a rank."""
        if self._round is None:
            self._round = asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._round = None
        rooms = self._fleet.rooms()
        handed_out = dispatch(self._line, rooms, self._fleet.cached)
        while self._make_way(rooms):
            handed_out += dispatch(self._line, rooms, self._fleet.cached)
        batches: defaultdict[str, list[Flight]] = defaultdict(list)
        for given, room in handed_out:
            flight = self.flights[given.request_id]
            flight.replica = room.replica
            flight.sent.set()
            batches[room.replica].append(flight)
            self._drain.serve(time.monotonic())
        for replica, flights in batches.items():
            link = self._fleet.link(replica)
            assert link is not None  # noqa: S101 - it was in the fleet in this very call
            try:
                link.add(flights)
            except Exception:
                logger.exception("requests that can't be encoded")
                for flight in flights:
                    flight.replica = None  # it never left
                    self._on_lost(flight)

    def _make_way(self, rooms: list[Room]) -> bool:
        """Batch requests yield at once to who is first in the line; True if some did."""
        if (ticket := self._line.first()) is None or not rooms:
            return False
        going = who_yields(ticket, rooms, self.flights.values())
        for flight in going:
            self._call_back(flight)
        return bool(going)

    def _reconsider(self) -> None:
        """A gang came or went: call back what is on lost ranks, send what waits."""
        usable = {link.room.replica for link in self._fleet.usable()}
        for flight in list(self.flights.values()):  # who has waited too long before leaves here
            if flight.replica is not None and flight.replica not in usable:
                self._call_back(flight)
        self._plan_round()

    def _call_back(self, flight: Flight) -> None:
        """To its old turn in the line."""
        self._recall(flight)
        flight.call_back(time.monotonic())
        self._line.rejoin(flight.ticket)
        request_id, produced = flight.request.request_id, len(flight.tokens)
        logger.info("request %s is called back after %d tokens", request_id, produced)
        if flight.patience is None:
            self._watch(flight)

    def _watch(self, flight: Flight) -> None:
        """Until it has a rank again, or has waited for one too long."""
        flight.patience = None
        if flight.replica is not None:
            return
        waited_s = time.monotonic() - flight.waits_since_s
        if (left_s := self.patience_s(flight.ticket.tier) - waited_s) <= 0:
            self._on_lost(flight)
            return
        loop = asyncio.get_running_loop()
        # Without any rank patience is shorter, so it looks again meanwhile.
        flight.patience = loop.call_later(min(left_s, self.deadline_s), self._watch, flight)

    def _recall(self, flight: Flight) -> None:
        """Its rank, if it has one that can be reached, needn't go on, and has its place free."""
        if (link := self._fleet.link(flight.replica)) is not None:
            link.abort(flight)
