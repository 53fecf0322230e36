"""Requests that wait in the simulated router, and how many of each class run."""

from dataclasses import dataclass, field

from configs.scenario import Scenario
from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad
from deployments.scheduling.waiting_line import WaitingLine
from deployments.simulation.request import Request
from deployments.simulation.request_stats import RequestStats


@dataclass(slots=True)
class _ClassState:
    # When each request joined and until when it waits, in order.
    waiting: dict[int, tuple[float, float]] = field(default_factory=dict)
    tokens: int = 0  # KV cache that the waiting requests will be promised
    running: int = 0


class Queue:
    """The router's own `WaitingLine`, with the counts that the policy gets."""

    def __init__(self, scenario: Scenario, answer_tokens: int) -> None:
        self._waits = scenario.admission.waits
        self._deadline_s = scenario.survival.deadline_s
        self._most = scenario.admission.max_waiting
        self._answer_tokens = answer_tokens
        self._classes = {tier: _ClassState() for tier in Tier}
        self._requests: dict[int, Request] = {}
        self.line = WaitingLine()

    def join(self, request: Request, now_s: float, *, served: bool) -> None:
        """Add a request to the line.

        A full line refuses the request that `last_below` names, or else the new one. A request
        waits as long as its class does; if no gang is up to serve it, until the deadline.
        """
        if len(self.line) >= self._most:
            if (last := self.line.last_below(request.tier)) is None:
                request.refused_at_s = now_s
                return
            self._refuse(self._requests[int(last.request_id)], now_s)
        self.line.join(request.ticket)
        self._wait(request, now_s, served)

    def rejoin(self, request: Request, now_s: float, *, served: bool) -> None:
        """Put a request that was requeued from a rank back into the line."""
        self._classes[request.tier].running -= 1
        request.requeue()
        self.line.rejoin(request.ticket)
        self._wait(request, now_s, served)

    def _wait(self, request: Request, now_s: float, served: bool) -> None:
        state = self._classes[request.tier]
        max_wait_s = self._waits.of(request.tier) if served else self._deadline_s
        state.waiting[request.number] = now_s, now_s + max_wait_s
        state.tokens += self._promise(request)
        self._requests[request.number] = request

    def run(self, number: int) -> Request:
        """Count a request that has left the line for a rank, and return it."""
        request = self._requests[number]
        self._forget(request)
        self._classes[request.tier].running += 1
        return request

    def finish(self, request: Request) -> None:
        self._classes[request.tier].running -= 1
        self.line.part(request.ticket)

    def expire(self, now_s: float) -> None:
        """Refuse requests that have waited too long."""
        for state in self._classes.values():
            late = [number for number, (_, until_s) in state.waiting.items() if until_s < now_s]
            for number in late:
                self._refuse(self._requests[number], now_s)

    def _refuse(self, request: Request, now_s: float) -> None:
        self._forget(request)
        self.line.part(request.ticket)
        request.refused_at_s = now_s

    def _forget(self, request: Request) -> None:
        state = self._classes[request.tier]
        del state.waiting[request.number], self._requests[request.number]
        state.tokens -= self._promise(request)

    def _promise(self, request: Request) -> int:
        ticket = request.ticket
        return ticket.prompt_tokens + min(ticket.max_tokens, self._answer_tokens)

    def loads(self, stats: RequestStats, now_s: float) -> dict[Tier, ClassLoad]:
        return {
            tier: ClassLoad(
                queued_requests=len(state.waiting),
                queued_tokens=state.tokens,
                oldest_s=now_s - next(iter(state.waiting.values()), (now_s,))[0],
                running=state.running,
                arrivals_per_s=stats.arrivals_per_s(tier, now_s),
            )
            for tier, state in self._classes.items()
        }

    @property
    def running(self) -> int:
        return sum(state.running for state in self._classes.values())
