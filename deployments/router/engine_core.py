"""vLLM's front end sees one engine that never dies; behind it are gangs that do.

A subclass of vLLM's engine-core client: tokens, not text, pass here. It chooses a rank for each
request, keeps what each request has produced, and sends it to another rank when its own is lost.
Read from vLLM 0.32.
"""

import asyncio
import logging
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
from vllm.v1.engine.core_client import EngineCoreClient

from configs.deployment import Admission, Survival, Waits
from deployments.router.choice import Choice, evenest
from deployments.router.dispatch import dispatch
from deployments.router.drain import Drain
from deployments.router.fleet import Fleet
from deployments.router.flight import Flight
from deployments.router.refusals import LineFullError, NoGangError, WaitedTooLongError
from deployments.router.waiting_line import Tier, WaitingLine

logger = logging.getLogger("ray.serve")


class RouterEngineCore(EngineCoreClient):
    """Must be made inside a running event loop."""

    # vLLM's AsyncLLM looks these up: one engine, never dead.
    engine_ranks_managed = (0,)
    resources = SimpleNamespace(engine_dead=False)

    def __init__(
        self, roster: Any, survival: Survival, admission: Admission, choice: Choice = evenest
    ) -> None:
        self._deadline_s = survival.deadline_s
        self._admission = admission
        self._choice = choice
        self._flights: dict[str, Flight] = {}
        self._line = WaitingLine()
        self._drain = Drain()
        self._round: asyncio.Handle | None = None
        self._outputs: asyncio.Queue[EngineCoreOutputs] = asyncio.Queue()
        self._fleet = Fleet(
            roster, admission, survival.silence_s, self._take_outputs, self._reconsider
        )
        self._following = asyncio.create_task(self._fleet.follow())

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        flight = Flight(request)
        self._flights[request.request_id] = flight
        if (waiting := len(self._line)) >= self._admission.max_waiting:
            self._refuse(flight)
            raise LineFullError(waiting)
        self._line.join(flight.ticket)
        self._plan_round()
        await self._first_rank(flight)

    async def _first_rank(self, flight: Flight) -> None:
        """Until a request has its first rank, the front end still takes an error."""
        limit_s = self._deadline_s
        if self._fleet.rooms():
            limit_s = wait_limit_s(flight.ticket.tier, self._admission.waits)
        try:
            async with asyncio.timeout(limit_s):
                await flight.sent.wait()
        except TimeoutError:
            self._refuse(flight)
            if self._fleet.rooms():
                raise WaitedTooLongError(flight.ticket.tier, limit_s) from None
            raise NoGangError(limit_s) from None
        except asyncio.CancelledError:
            self._refuse(flight)  # the client hung up
            raise

    def _refuse(self, flight: Flight) -> None:
        """vLLM has registered the request, but won't abort it, nor its siblings where `n` > 1."""
        asked = flight.request.external_req_id
        siblings = [
            one
            for one in self._flights.values()
            if one is flight or (asked is not None and one.request.external_req_id == asked)
        ]
        for one in siblings:
            self._recall(one)
            self._finish(one, FinishReason.ABORT)

    def retry_after_s(self) -> float:
        """When a refused request is likely to find room."""
        return self._drain.wait_s(len(self._line), time.monotonic())

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            flight = self._flights.pop(request_id, None)
            if flight is not None and not self._line.leave(request_id):
                self._recall(flight)

    async def get_output_async(self) -> EngineCoreOutputs:
        return await self._outputs.get()

    async def get_supported_tasks_async(self) -> tuple[str, ...]:
        return ("generate",)  # known of this model before any rank is up

    def dp_engines_running(self) -> bool:
        return bool(self._flights)

    async def reset_mm_cache_async(self) -> None:
        """Ranks keep no cache of images; the front end's own is vLLM's to clear."""

    def shutdown(self, timeout: float | None = None) -> None:
        self._closing = asyncio.create_task(self.close())

    async def close(self) -> None:
        """Lets go of every rank; what is in flight there is aborted by the ranks."""
        self._following.cancel()
        await self._fleet.close()

    def _plan_round(self) -> None:
        """What arrives meanwhile goes out together: one message a rank."""
        if self._round is None:
            self._round = asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._round = None
        batches: defaultdict[str, list[Flight]] = defaultdict(list)
        for given, room in dispatch(self._line, self._fleet.rooms(), self._choice):
            flight = self._flights[given.request_id]
            flight.replica = room.replica
            flight.sent.set()
            batches[room.replica].append(flight)
            self._drain.serve(time.monotonic())
        for replica, flights in batches.items():
            link = self._fleet.link(replica)
            assert link is not None  # noqa: S101 - it was in the fleet in this very call
            link.add(flights)

    def _reconsider(self) -> None:
        """A gang came or went: call back what is on lost ranks, send what waits."""
        usable = {room.replica for room in self._fleet.rooms()}
        for flight in self._flights.values():
            if flight.replica is not None and flight.replica not in usable:
                self._call_back(flight)
        self._plan_round()

    def _call_back(self, flight: Flight) -> None:
        """Its rank, or a peer in lockstep with it, is lost."""
        self._recall(flight)
        flight.call_back()
        self._line.rejoin(flight.ticket)
        logger.info(
            "request %s goes on elsewhere after %d tokens",
            flight.request.request_id,
            len(flight.tokens),
        )
        loop = asyncio.get_running_loop()
        loop.call_later(self._deadline_s, self._give_up, flight, flight.attempt)

    def _recall(self, flight: Flight) -> None:
        """Its rank, if it has one that can be reached, needn't go on."""
        if (link := self._fleet.link(flight.replica)) is not None:
            link.abort([flight.wire_id])

    def _give_up(self, flight: Flight, attempt: int) -> None:
        if flight.replica is None and flight.attempt == attempt:
            self._finish(flight, FinishReason.ERROR)

    def _finish(self, flight: Flight, reason: FinishReason) -> None:
        """Ends a request that is on no rank, in the front end too."""
        request_id = flight.request.request_id
        self._line.leave(request_id)
        if self._flights.pop(request_id, None) is not None:
            output = EngineCoreOutput(request_id, [], finish_reason=reason)
            self._outputs.put_nowait(EngineCoreOutputs(outputs=[output]))

    def _take_outputs(self, step: EngineCoreOutputs) -> None:
        if len(self._line):
            self._plan_round()  # a rank that reports may have room again
        if not step.outputs:
            return
        taken = []
        for output in step.outputs:
            request_id, _, _ = output.request_id.rpartition("/")
            flight = self._flights.get(request_id)
            if flight is None or flight.wire_id != output.request_id:
                continue  # aborted, or gone on elsewhere
            output.request_id = request_id
            flight.tokens += output.new_token_ids
            if output.finished:
                del self._flights[request_id]
            taken.append(output)
        # The timestamp is this process's clock; the rank's may be another machine's.
        self._outputs.put_nowait(EngineCoreOutputs(outputs=taken, timestamp=time.monotonic()))


def wait_limit_s(tier: Tier, waits: Waits) -> float:
    return (waits.interactive_s, waits.standard_s, waits.batch_s)[tier]
