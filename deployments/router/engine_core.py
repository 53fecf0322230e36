"""vLLM's front end sees one engine that never dies; behind it are gangs that do.

A subclass of vLLM's engine-core client: tokens, not text, pass here. It chooses a rank for each
request, keeps what each request has produced, and sends it to another rank when its own is lost.
Read from vLLM 0.32.
"""

import asyncio
import logging
import time
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from vllm.exceptions import GracefulHTTPError
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
from vllm.v1.engine.core_client import EngineCoreClient

from configs.deployment import Survival
from deployments.router.choice import Choice, least_loaded
from deployments.router.fleet import Fleet
from deployments.router.flight import Flight
from deployments.router.link import Link

logger = logging.getLogger("ray.serve")


class NoGangError(GracefulHTTPError):
    """No gang came up in time; 503, so that clients try again."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(
            f"No copy of the model has been up for {deadline_s:g} s. Try again later; the "
            "operator sees what is missing with `small4 status`.",
            HTTPStatus.SERVICE_UNAVAILABLE,
        )


class RouterEngineCore(EngineCoreClient):
    """Must be made inside a running event loop."""

    # vLLM's AsyncLLM looks these up: one engine, never dead.
    engine_ranks_managed = (0,)
    resources = SimpleNamespace(engine_dead=False)

    def __init__(self, roster: Any, survival: Survival, choice: Choice = least_loaded) -> None:
        self._deadline_s = survival.deadline_s
        self._choice = choice
        self._flights: dict[str, Flight] = {}
        self._outputs: asyncio.Queue[EngineCoreOutputs] = asyncio.Queue()
        self._fleet = Fleet(roster, survival.silence_s, self._take_outputs, self._reconsider)
        self._following = asyncio.create_task(self._fleet.follow())

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        flight = Flight(request)
        self._flights[request.request_id] = flight
        self._dispatch(flight)
        if flight.replica is None:
            await self._first_rank(flight)

    async def _first_rank(self, flight: Flight) -> None:
        """A request that found no rank waits here, where the front end still takes an error."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await flight.sent.wait()
        except TimeoutError:
            self._finish(flight, FinishReason.ABORT)
            raise NoGangError(self._deadline_s) from None
        except asyncio.CancelledError:
            # The client hung up. vLLM has registered the request but won't abort it: end it here.
            self._finish(flight, FinishReason.ABORT)
            raise

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            flight = self._flights.pop(request_id, None)
            if flight is not None and (link := self._fleet.link(flight.replica)) is not None:
                link.sent_requests -= 1
                link.abort([flight.wire_id])

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

    def _dispatch(self, flight: Flight) -> None:
        loads = self._fleet.loads()
        if not loads:
            return
        link = self._fleet.link(self._choice(loads).replica)
        assert link is not None  # noqa: S101 - chosen from the fleet in this very call
        flight.replica = link.entry.replica
        flight.sent.set()
        link.sent_requests += 1
        link.add(flight.message())

    def _reconsider(self) -> None:
        """A gang came or went: call back what is on lost ranks, send what waits."""
        usable = {link.entry.replica for link in self._fleet.usable()}
        for flight in self._flights.values():
            if flight.replica is not None and flight.replica not in usable:
                self._call_back(flight)
        for flight in list(self._flights.values()):
            if flight.replica is None and usable:
                self._dispatch(flight)

    def _call_back(self, flight: Flight) -> None:
        """Its rank, or a peer in lockstep with it, is lost."""
        link = self._fleet.link(flight.replica)
        if link is not None:
            link.sent_requests -= 1
            link.abort([flight.wire_id])
        flight.replica = None
        flight.attempt += 1
        logger.info(
            "request %s goes on elsewhere after %d tokens",
            flight.request.request_id,
            len(flight.tokens),
        )
        loop = asyncio.get_running_loop()
        loop.call_later(self._deadline_s, self._give_up, flight, flight.attempt)

    def _give_up(self, flight: Flight, attempt: int) -> None:
        if flight.replica is None and flight.attempt == attempt:
            self._finish(flight, FinishReason.ERROR)

    def _finish(self, flight: Flight, reason: FinishReason) -> None:
        """Ends a request that is on no rank, in the front end too."""
        request_id = flight.request.request_id
        if self._flights.pop(request_id, None) is not None:
            output = EngineCoreOutput(request_id, [], finish_reason=reason)
            self._outputs.put_nowait(EngineCoreOutputs(outputs=[output]))

    def _take_outputs(self, link: Link, step: EngineCoreOutputs) -> None:
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
                link.sent_requests -= 1
            taken.append(output)
        # The timestamp is this process's clock; the rank's may be another machine's.
        self._outputs.put_nowait(EngineCoreOutputs(outputs=taken, timestamp=time.monotonic()))
