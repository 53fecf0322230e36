"""The events of a simulation: arrivals, ends of steps, gangs that come up, and decisions."""

import math
from collections.abc import Callable

from configs.autoscaling import Autoscaling
from configs.scenario import Scenario
from deployments.autoscaling.observation import Observation
from deployments.autoscaling.policy import Decision, decide
from deployments.autoscaling.policy_state import PolicyState
from deployments.autoscaling.quantile import quantile
from deployments.scheduling.dispatch import dispatch
from deployments.simulation.arrivals import arrivals
from deployments.simulation.fleet import SimulatedFleet
from deployments.simulation.gang import SimulatedGang
from deployments.simulation.outcome import Look, Outcome
from deployments.simulation.queue import Queue
from deployments.simulation.request_stats import RequestStats

Policy = Callable[[Observation, PolicyState, Autoscaling], Decision]

_EXPECTED = 0.95  # quantile of answers by which ranks promise cache (`deployments.shard.ledger`)


def simulate(scenario: Scenario, policy: Policy = decide) -> Outcome:
    """Play the whole traffic, and go on until each request has been answered or refused.

    One router hands out requests as the real one does (`dispatch`, `RankLoad`). The model leaves
    out cached prompts, batch requests that yield to others, preemption in engines, and time on the
    wire.
    """
    return _Simulation(scenario, policy).run()


def fixed(scenario: Scenario, gangs: int) -> Outcome:
    """Simulate the same traffic with so many gangs all the time."""
    return simulate(
        scenario.model_copy(update={"initial_gangs": gangs}),
        lambda seen, state, config: Decision(gangs, state),
    )


class _Simulation:
    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._config = scenario.autoscaling
        self._scenario = scenario
        self._policy = policy
        self._state = PolicyState()
        self._requests = arrivals(scenario.traffic)
        answers = [float(request.answer_tokens) for request in self._requests]
        expected = int(quantile(answers, _EXPECTED) or 1)
        self._queue = Queue(scenario, expected)
        self._fleet = SimulatedFleet(scenario, expected)
        self._stats = RequestStats()
        self._next = 0  # request to arrive
        self._look_s = 0.0
        self._arrived = 0  # since the last look
        self._looks: list[Look] = []

    def run(self) -> Outcome:
        now_s, ends_s = 0.0, self._scenario.traffic.ends_s
        while now_s < ends_s or self._next < len(self._requests) or self._open():
            now_s = self._event()
        return Outcome(self._scenario, self._requests, self._looks, self._fleet.gang_s(now_s))

    def _open(self) -> bool:
        return bool(len(self._queue.line) or self._queue.running)

    def _event(self) -> float:
        """Handle the next event, and return its time."""
        gang = self._fleet.next_end()
        arrival_s = self._arrival_s()
        now_s = min(arrival_s, self._look_s, self._fleet.next_up_s())
        if gang is not None and gang.ends_s <= now_s:
            now_s = gang.ends_s
            self._end_steps(gang, now_s)
            return now_s
        self._fleet.come_up(now_s)
        if arrival_s <= now_s:
            self._arrive(now_s)
        elif self._look_s <= now_s:
            self._look(now_s)
            self._look_s = now_s + self._config.interval_s
        self._hand_out(now_s)
        return now_s

    def _arrival_s(self) -> float:
        return self._requests[self._next].at_s if self._next < len(self._requests) else math.inf

    def _arrive(self, now_s: float) -> None:
        request = self._requests[self._next]
        self._next += 1
        self._arrived += 1
        self._stats.arrive(request.tier, now_s)
        self._queue.join(request, now_s, served=bool(self._fleet.rank_loads()))

    def _look(self, now_s: float) -> None:
        self._queue.expire(now_s)
        for gang in self._fleet.drained(now_s):
            for rank in gang.ranks:
                for request in rank.unfinished():
                    self._queue.rejoin(request, now_s, served=True)
            self._fleet.remove(gang, now_s)
        seen = self._observe(now_s)
        decision = self._policy(seen, self._state, self._config)
        self._state = decision.state
        queued = sum(load.queued_requests for load in seen.classes.values())
        self._looks.append(
            Look(
                at_s=now_s,
                arrived=self._arrived,
                queued=queued,
                running=self._queue.running,
                gangs=seen.gangs,
                wanted=decision.gangs,
                ttft_s=seen.ttft_s,
                reason=decision.reason,
            )
        )
        self._arrived = 0
        self._fleet.scale(decision.gangs, now_s)

    def _observe(self, now_s: float) -> Observation:
        loads = [rank.load for gang in self._fleet.gangs for rank in gang.ranks]
        return Observation(
            now_s=now_s,
            gangs=self._fleet.count(),
            capacity=self._fleet.capacity(),
            classes=self._queue.loads(self._stats, now_s),
            lengths=self._stats.lengths,
            kv_tokens=sum(load.promised_tokens for load in loads),
            prefill_tokens=sum(load.prefill_tokens for load in loads),
            ttft_s=self._stats.ttft_s(now_s),
            tpot_s=self._stats.tpot_s(now_s),
        )

    def _hand_out(self, now_s: float) -> None:
        if not len(self._queue.line) or not (loads := self._fleet.rank_loads()):
            return
        for ticket, load in dispatch(self._queue.line, loads, lambda _: ()):
            gang, rank = self._fleet.at(load)
            gang.add(rank, self._queue.run(int(ticket.request_id)), now_s)

    def _end_steps(self, gang: SimulatedGang, now_s: float) -> None:
        begun, done = gang.end(self._fleet.fit)
        for request in begun:
            if request.first_at_s is None:
                request.first_at_s = now_s
                self._stats.begin(request, now_s)
        for request in done:
            request.done_at_s = now_s
            self._queue.finish(request)
            self._stats.finish(request, now_s)
        self._hand_out(now_s)
        if not gang.steps:
            gang.begin(now_s)
