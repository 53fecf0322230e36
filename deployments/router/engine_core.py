"""vLLM's front end sees one engine that never dies; behind it are gangs that do.

A subclass of vLLM's engine-core client: tokens, not text, pass here. It chooses a rank for each
request, keeps what each request has produced, and sends it to another rank when its own is lost.
Read from vLLM 0.32.
"""

import asyncio
import contextlib
import time
from types import SimpleNamespace
from typing import Any

from vllm.exceptions import GracefulHTTPError
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
from vllm.v1.engine.core_client import EngineCoreClient

from configs.admission import Admission
from configs.deployment import Survival
from deployments.access.allowances import QuotaError
from deployments.access.caller import caller
from deployments.autoscaling.reports import RouterReport
from deployments.front_end.middleware.turned_away import turn_away
from deployments.router.dispatcher import Dispatcher
from deployments.router.refusals import LineFullError, NoGangError, UsedUpError, WaitedTooLongError
from deployments.router.request_stats import Recent
from deployments.router.routed_request import Flight


class RouterEngineCore(EngineCoreClient):
    """Must be made inside a running event loop."""

    # vLLM's AsyncLLM looks these up: one engine, never dead.
    engine_ranks_managed = (0,)
    resources = SimpleNamespace(engine_dead=False)

    def __init__(self, roster: Any, survival: Survival, admission: Admission) -> None:
        self._max_waiting = admission.max_waiting
        self._outputs: asyncio.Queue[EngineCoreOutputs] = asyncio.Queue()
        self._dispatcher = Dispatcher(
            roster,
            survival,
            admission,
            on_outputs=self._take_outputs,
            on_lost=lambda flight: self._finish(flight, FinishReason.ERROR),
        )
        self._flights = self._dispatcher.flights
        self._recent = Recent(time.monotonic())

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        flight = Flight(request, caller.get())
        self._flights[request.request_id] = flight
        try:
            flight.require_sendable()
            await flight.charge_prompt()
            if request.request_id not in self._flights:
                return  # an answer to the same prompt was refused meanwhile, and this one with it
            self._recent.arrive(flight.ticket.tier, flight.arrived_s)
            self._require_place(flight)
            self._dispatcher.join(flight)
            await self._first_rank(flight)
        except QuotaError as error:
            self._refuse(flight)
            turn_away(used_up := UsedUpError(error))
            raise used_up from None
        except BaseException as error:  # refused, or the client hung up
            self._refuse(flight)
            if isinstance(error, GracefulHTTPError):
                turn_away(error)
            raise

    def _require_place(self, flight: Flight) -> None:
        """Raises LineFullError if the line is full of requests of its class and better ones."""
        if (waiting := self._dispatcher.waiting()) >= self._max_waiting:
            full = LineFullError(waiting)
            if not self._dispatcher.turn_away_for(flight, full):
                raise full

    async def _first_rank(self, flight: Flight) -> None:
        """Until a request has its first rank, the front end still takes an error.

        How long it waits changes when the last gang goes, or one comes: so it looks again.
        """
        tier, deadline_s = flight.ticket.tier, self._dispatcher.deadline_s
        while not flight.sent.is_set():
            limit_s = self._dispatcher.patience_s(tier)
            left_s = limit_s - (time.monotonic() - flight.arrived_s)
            if left_s <= 0:
                if self._dispatcher.any_rank():
                    raise WaitedTooLongError(tier, limit_s)
                raise NoGangError(limit_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, deadline_s)):
                    await flight.sent.wait()
        if flight.away is not None:
            raise flight.away

    def _refuse(self, flight: Flight) -> None:
        """vLLM has registered the request, but won't abort it, nor its siblings where `n` > 1."""
        for one in [one for one in self._flights.values() if one.asked == flight.asked]:
            self._finish(one, FinishReason.ABORT)

    def report(self, router: str) -> RouterReport:
        """For the scaler."""
        return self._recent.report(router, self._flights.values(), time.monotonic())

    def open_requests(self) -> int:
        return len(self._flights)

    def waits_for_a_gang(self) -> bool:
        """Whether there are requests, and no rank to send them to."""
        return bool(self._flights) and not self._dispatcher.any_rank()

    def check_health(self) -> None:
        """Raises RuntimeError if it doesn't follow any more which ranks there are."""
        self._dispatcher.check_health()

    def retry_after_s(self) -> float:
        """When a refused request is likely to find room."""
        return self._dispatcher.retry_after_s()

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            if (flight := self._flights.get(request_id)) is not None:
                self._dispatcher.drop(flight)

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
        await self._dispatcher.close()

    def _finish(self, flight: Flight, reason: FinishReason) -> None:
        """Ends a request, in the front end too."""
        request_id = flight.request.request_id
        if request_id in self._flights:
            self._dispatcher.drop(flight)
            output = EngineCoreOutput(request_id, [], finish_reason=reason)
            self._outputs.put_nowait(EngineCoreOutputs(outputs=[output]))

    def _take_outputs(self, step: EngineCoreOutputs) -> None:
        if not step.outputs:
            return
        taken = []
        for output in step.outputs:
            request_id, _, _ = output.request_id.rpartition("/")
            flight = self._flights.get(request_id)
            if flight is None or flight.wire_id != output.request_id:
                continue  # aborted, or gone on elsewhere
            output.request_id = request_id
            flight.take(output.new_token_ids)
            if output.finished:
                self._dispatcher.forget(flight)
                self._recent.finish(flight, time.monotonic())
            taken.append(output)
        # The timestamp is this process's clock; the rank's may be another machine's.
        self._outputs.put_nowait(EngineCoreOutputs(outputs=taken, timestamp=time.monotonic()))
