"""Requests that wait in the model's router, and how many of each class run."""

from dataclasses import dataclass, field

from configs.scenario import Scenario
from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad
from deployments.scheduling.waiting_line import WaitingLine
from deployments.simulation.request import Request
from deployments.simulation.request_stats import RequestStats


@dataclass(slots=True)
class _Class:
    # Since and until when, in order.
    waiting: dict[int, tuple[float, float]] = field(default_factory=dict)
    tokens: int = 0
    running: int = 0


class Queue:
    """The router's own `WaitingLine`, and counts beside it that the policy is told."""

    def __init__(self, scenario: Scenario, answer_tokens: int) -> None:
        waits = scenario.admission.waits
        self._waits_s = (waits.interactive_s, waits.standard_s, waits.batch_s)
        self._deadline_s = scenario.survival.deadline_s
        self._most = scenario.admission.max_waiting
        self._answer_tokens = answer_tokens
        self._classes = {tier: _Class() for tier in Tier}
        self._requests: dict[int, Request] = {}
        self.line = WaitingLine()

    def join(self, request: Request, now_s: float, *, served: bool) -> None:
        """A full line turns away whoever `last_below` names, or else the request.

        It waits as long as its class does; if no gang is up to serve it, until the deadline.
        """
        if len(self.line) >= self._most:
            if (last := self.line.last_below(request.tier)) is None:
                request.refused_at_s = now_s
                return
            self._refuse(self._requests[int(last.request_id)], now_s)
        self.line.join(request.ticket)
        self._wait(request, now_s, served)

    def rejoin(self, request: Request, now_s: float, *, served: bool) -> None:
        """Called back from a rank."""
        self._classes[request.tier].running -= 1
        request.requeue()
        self.line.rejoin(request.ticket)
        self._wait(request, now_s, served)

    def _wait(self, request: Request, now_s: float, served: bool) -> None:
        one = self._classes[request.tier]
        max_wait_s = self._waits_s[request.tier] if served else self._deadline_s
        one.waiting[request.number] = now_s, now_s + max_wait_s
        one.tokens += self._promise(request)
        self._requests[request.number] = request

    def run(self, number: int) -> Request:
        """It has left the line for a rank."""
        request = self._requests[number]
        self._forget(request)
        self._classes[request.tier].running += 1
        return request

    def finish(self, request: Request) -> None:
        self._classes[request.tier].running -= 1
        self.line.part(request.ticket)

    def expire(self, now_s: float) -> None:
        """Turns away who has waited too long."""
        for one in self._classes.values():
            late = [number for number, (_, until_s) in one.waiting.items() if until_s < now_s]
            for number in late:
                self._refuse(self._requests[number], now_s)

    def _refuse(self, request: Request, now_s: float) -> None:
        self._forget(request)
        self.line.part(request.ticket)
        request.refused_at_s = now_s

    def _forget(self, request: Request) -> None:
        one = self._classes[request.tier]
        del one.waiting[request.number], self._requests[request.number]
        one.tokens -= self._promise(request)

    def _promise(self, request: Request) -> int:
        ticket = request.ticket
        return ticket.prompt_tokens + min(ticket.max_tokens, self._answer_tokens)

    def loads(self, stats: RequestStats, now_s: float) -> dict[Tier, ClassLoad]:
        return {
            tier: ClassLoad(
                queued_requests=len(one.waiting),
                queued_tokens=one.tokens,
                oldest_s=now_s - next(iter(one.waiting.values()), (now_s,))[0],
                running=one.running,
                arrivals_per_s=stats.arrivals_per_s(tier, now_s),
            )
            for tier, one in self._classes.items()
        }

    @property
    def running(self) -> int:
        return sum(one.running for one in self._classes.values())
