"""Owns every unfinished request of a router, whether it waits in the line or is at a rank.

The decisions about requests are made in `deployments.scheduling`; this module carries them out.
"""

import asyncio
import logging
from collections import defaultdict

from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason

from configs.admission import Admission
from configs.deployment import Survival
from configs.errors import RefusedError
from configs.tier import Tier
from deployments.access.caller import Caller
from deployments.autoscaling.reports import RouterReport
from deployments.router import refusals
from deployments.router.clock import Clock, LoopClock
from deployments.router.fleet import Fleet, Roster
from deployments.router.request_stats import RequestStats
from deployments.router.routed_request import OnEnd, RoutedRequest
from deployments.scheduling.dispatch import dispatch
from deployments.scheduling.preemption import victims
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.retry_after import RetryAfter
from deployments.scheduling.routing import Routing
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.waiting_line import WaitingLine

logger = logging.getLogger("ray.serve")


class Dispatcher:
    """Owns requests from their arrival to their last token. Must be made in a running event loop.

    vLLM's front end takes from `outputs`. `clock` is the event loop by default.
    """

    def __init__(
        self,
        roster: Roster,
        survival: Survival,
        admission: Admission,
        route: Routing,
        clock: Clock | None = None,
    ) -> None:
        self.outputs: asyncio.Queue[EngineCoreOutputs] = asyncio.Queue()
        self._clock: Clock = clock or LoopClock()
        self._requests: dict[str, RoutedRequest] = {}
        # Suspects at ranks of dying gangs, by gang, until it is known which rank died first.
        self._accused: defaultdict[str, list[RoutedRequest]] = defaultdict(list)
        self._deadline_s = survival.deadline_s
        self._admission = admission
        self._route = route
        self._line = WaitingLine()
        self._retry_after = RetryAfter()
        self._stats = RequestStats(self._clock.time())
        self._round: asyncio.Handle | None = None
        self._fleet = Fleet(roster, admission, survival, listener=self)
        self._following = asyncio.create_task(self._fleet.follow())

    async def place(
        self, request: EngineCoreRequest, caller: Caller | None, on_end: OnEnd | None = None
    ) -> None:
        """Return once the request is at its first rank, or was ended before it had one.

        Raises RefusedError if it gets no rank in time: before the first rank, the front end still
        takes an error. vLLM has registered the request by then, but won't abort it after an error,
        nor its siblings where `n` > 1. So whatever this raises ends them all. Also raises
        VLLMValidationError for a request that no message can hold.
        """
        routed = RoutedRequest(request, self._clock.time(), caller, on_end)
        routed.placed = asyncio.get_running_loop().create_future()
        self._requests[routed.id] = routed
        try:
            routed.require_sendable()
            await routed.charge_prompt()
            if routed.id not in self._requests:
                return  # aborted meanwhile, or refused along with a sibling
            self._stats.arrive(routed.ticket.tier, routed.arrived_s)
            self._require_place(routed.ticket.tier)
            routed.ticket.blocks = self._fleet.blocks(routed.request)
            self._line.join(routed.ticket)
            self._watch(routed)
            self._plan_round()
            await routed.placed
        except BaseException:  # refused, or the client hung up
            for other in list(self._requests.values()):
                if other.asked == routed.asked:
                    self._end(other, FinishReason.ABORT)
            raise

    def abort(self, request_ids: list[str]) -> None:
        """Drop requests that the front end has ended by itself."""
        for request_id in request_ids:
            if (routed := self._requests.get(request_id)) is not None:
                self._drop(routed)

    def requeue(self, request_id: str) -> bool:
        """Take a request back from its rank, to go on at any; return False if it is at none."""
        routed = self._requests.get(request_id)
        if routed is None or routed.replica is None:
            return False
        self._requeue(routed, moved=True)
        self._plan_round()
        return True

    def take_outputs(self, step: EngineCoreOutputs) -> None:
        """Take the outputs of a rank's step, none of them where only its load has changed."""
        if len(self._line):
            self._plan_round()  # a rank that reports may have room again
        if taken := [output for output in step.outputs if self._take(output)]:
            # The timestamp is this process's clock; the rank's may be another machine's.
            self.outputs.put_nowait(EngineCoreOutputs(outputs=taken, timestamp=self._clock.time()))

    def ranks_changed(self) -> None:
        """Requeue the requests of lost ranks, and hand out to new ranks those that wait."""
        usable = {link.load.replica for link in self._fleet.usable()}
        for routed in list(self._requests.values()):  # a requeue may end a request that has waited
            if routed.replica is not None and routed.replica not in usable:
                self._lose_rank_of(routed)
        self._plan_round()

    def _lose_rank_of(self, routed: RoutedRequest) -> None:
        if not self._fleet.dying(routed.gang):
            self._requeue(routed, moved=True)
        elif not routed.suspect:
            routed.suspect = True
            self._requeue(routed, moved=True)
        else:
            self._abort_at_rank(routed)
            routed.replica = None
            self._accused[routed.gang].append(routed)

    def blame(self, gang: str, suspects: tuple[str, ...]) -> None:
        """End the suspect that may have ended a gang for the second time: it would end them all."""
        for routed in self._accused.pop(gang, ()):
            if routed.id not in self._requests:
                continue  # aborted meanwhile
            if routed.wire_id in suspects:
                logger.error("request %s ended two engines, and goes to no third", routed.id)
                self._give_up(routed, refusals.poisonous(routed.produced))
            else:
                self._requeue(routed, moved=True)
        self._plan_round()

    def report(self, router: str) -> RouterReport:
        """Make this router's report for the scaler."""
        return self._stats.report(router, self._requests.values(), self._clock.time())

    @property
    def open_requests(self) -> int:
        """Number of requests that have no last token yet."""
        return len(self._requests)

    def waits_for_a_gang(self) -> bool:
        """Tell whether there are requests, but no rank to send them to."""
        return bool(self._requests) and not self._fleet.rank_loads()

    def retry_after_s(self) -> float:
        """Estimate in how many seconds a refused request is likely to find room."""
        return self._retry_after.wait_s(len(self._line), self._clock.time())

    def check_health(self) -> None:
        """Raise RuntimeError if the task that follows the roster has ended."""
        if self._following.done():
            raise RuntimeError("the router doesn't follow the roster")

    async def close(self) -> None:
        """Close the link to every rank; the ranks abort the requests that are open there."""
        self._following.cancel()
        await self._fleet.close()

    def _require_place(self, tier: Tier) -> None:
        """Raise LineFullError if the line is full of requests of this class and better ones.

        If a full line has requests of lower classes, the newest of the lowest class is refused
        instead.
        """
        if (waiting := len(self._line)) < self._admission.max_waiting:
            return
        full = refusals.line_full(waiting)
        if (ticket := self._line.last_below(tier)) is None:
            raise full
        self._give_up(self._requests[ticket.request_id], full)

    def _watch(self, routed: RoutedRequest) -> None:
        """Give up a request that has waited for a rank too long, or look again when it will have.

        The limit changes when the last gang goes or the first comes, so this looks again in at
        most `deadline_s`.
        """
        tier, any_rank = routed.ticket.tier, bool(self._fleet.rank_loads())
        max_wait_s = self._admission.waits.of(tier) if any_rank else self._deadline_s
        left_s = max_wait_s - (self._clock.time() - routed.waits_since_s)
        if left_s > 0:
            after_s = min(left_s, self._deadline_s)
            routed.deadline = self._clock.call_later(after_s, self._watch, routed)
        elif any_rank:
            self._give_up(routed, refusals.too_long(tier, max_wait_s))
        else:
            self._give_up(routed, refusals.no_gang(max_wait_s))

    def _give_up(self, routed: RoutedRequest, refused: RefusedError) -> None:
        """Refuse a request that has had no rank yet, or end the stream of one that has."""
        self._line.leave(routed.id)
        routed.cancel_deadline()
        if routed.placed.done():
            if routed.on_end is not None:
                routed.on_end(refused)
            self._end(routed, FinishReason.ERROR)
        else:
            routed.placed.set_exception(refused)

    def _plan_round(self) -> None:
        """Hand out soon: requests that arrive meanwhile go out together, one message per rank."""
        if self._round is None:
            self._round = asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._round = None
        ranks = self._fleet.rank_loads()
        handed_out = self._dispatch(ranks)
        while self._make_way(ranks):
            handed_out += self._dispatch(ranks)
        batches: defaultdict[str, list[RoutedRequest]] = defaultdict(list)
        for ticket, rank in handed_out:
            routed = self._requests[ticket.request_id]
            routed.send_to(rank.replica, self._fleet.gang_of(rank.replica))
            batches[rank.replica].append(routed)
            self._retry_after.serve(self._clock.time())
        for replica, batch in batches.items():
            self._send(replica, batch)

    def _dispatch(self, ranks: list[RankLoad]) -> list[tuple[Ticket, RankLoad]]:
        return dispatch(self._line, ranks, self._fleet.cached, self._route)

    def _make_way(self, ranks: list[RankLoad]) -> bool:
        """Requeue batch requests in favor of the first in the line; return True if any were."""
        if (ticket := self._line.first()) is None or not ranks:
            return False
        movable = (routed for routed in self._requests.values() if routed.movable)
        preempted = victims(ticket, ranks, movable)
        for routed in preempted:
            self._requeue(routed, moved=False)
        return bool(preempted)

    def _send(self, replica: str, batch: list[RoutedRequest]) -> None:
        link = self._fleet.link(replica)
        assert link is not None  # noqa: S101 - it was in the fleet in this very call
        for routed in batch:
            routed.resumes_seeds = link.entry.resumes_seeds
        try:
            link.add(batch)
        except Exception:
            logger.exception("requests that can't be encoded")
            for routed in batch:
                routed.replica = None  # it was never sent
                self._end(routed, FinishReason.ERROR)

    def _requeue(self, routed: RoutedRequest, *, moved: bool) -> None:
        """Take a request back from its rank to its old place in the line, or end its stream."""
        if not routed.movable:
            self._give_up(routed, refusals.cant_move())
            return
        self._abort_at_rank(routed)
        routed.requeue(self._clock.time(), moved=moved)
        self._line.rejoin(routed.ticket)
        logger.info("request %s is requeued after %d tokens", routed.id, routed.produced)
        self._watch(routed)

    def _abort_at_rank(self, routed: RoutedRequest) -> None:
        """Abort a request at its rank, if it has one that can be reached."""
        if (link := self._fleet.link(routed.replica)) is not None:
            self._end_trial(routed)
            link.abort(routed)

    def _end_trial(self, routed: RoutedRequest) -> None:
        """Let the next suspect come to a request's rank, if this was one."""
        if routed.suspect and (link := self._fleet.link(routed.replica)) is not None:
            link.load.on_trial = False
            self._plan_round()

    def _take(self, output: EngineCoreOutput) -> bool:
        """Keep a request's new tokens; return False if no open request is at that attempt."""
        request_id, _, _ = output.request_id.rpartition("/")
        routed = self._requests.get(request_id)
        if routed is None or routed.wire_id != output.request_id:
            return False  # aborted, or requeued since
        output.request_id = request_id
        routed.take(output.new_token_ids, self._clock.time())
        if routed.suspect and (routed.cleared or output.finished):
            self._end_trial(routed)
            routed.suspect = False
        if output.finished:
            self._forget(routed)
            self._stats.finish(routed, self._clock.time())
        return True

    def _end(self, routed: RoutedRequest, reason: FinishReason) -> None:
        """Drop a request, and end it in the front end, too."""
        if routed.id in self._requests:
            self._drop(routed)
            output = EngineCoreOutput(routed.id, [], finish_reason=reason)
            self.outputs.put_nowait(EngineCoreOutputs(outputs=[output]))

    def _drop(self, routed: RoutedRequest) -> None:
        """Forget a request and abort it at its rank, where its place may be for another."""
        self._forget(routed)
        self._abort_at_rank(routed)
        if len(self._line):
            self._plan_round()

    def _forget(self, routed: RoutedRequest) -> None:
        self._requests.pop(routed.id, None)
        self._line.part(routed.ticket)
        routed.stop_waiting()
