"""Gangs as a formula: no request is simulated, so a day of decisions takes a moment."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.observation import (
    RATE_S,
    Capacity,
    ClassLoad,
    GangCount,
    Lengths,
    Observation,
    StepTime,
)
from deployments.autoscaling.policy import Decision, decide
from deployments.autoscaling.policy_state import PolicyState

Policy = Callable[[Observation, PolicyState, Autoscaling], Decision]

STEP = StepTime(base_s=0.005, sequence_s=0.0003, prefill_token_s=0.00005)
LENGTHS = Lengths(prefill_tokens=64, prompt_tokens=64, answer_tokens=32)
GANG = Capacity(ranks=1, sequences=64, kv_tokens=87_000, step=STEP)
# Seconds that a request takes of such a gang when it is full: 32·0.3 ms + 64·0.05 ms + 32·5 ms/64.
FULL_S = 0.0153
ONE_GANG_PER_S = 1 / FULL_S


@dataclass
class Fluid:
    """A deployment whose load flows through a policy's gangs, on a simulated clock.

    Gangs are `slower` than the model says. A queue moves up as fast as they can serve it, and no
    request gives up.
    """

    config: Autoscaling
    start_s: float = 50.0
    slower: float = 1.0
    poisson: bool = False
    policy: Policy = decide
    up: int = 1
    starting: list[float] = field(default_factory=list)  # when each is up
    queued: float = 0.0
    now_s: float = 0.0
    state: PolicyState = field(default_factory=PolicyState)
    decided: list[tuple[float, int]] = field(default_factory=list)
    late: float = 0.0  # requests that waited longer than the target
    last: Decision | None = None

    def __post_init__(self) -> None:
        self._draw = random.Random(0)
        self._arrived: list[int] = []

    def play(self, per_s: Callable[[float], float], seconds: float) -> "Fluid":
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.look(per_s(self.now_s))
        return self

    def look(self, per_s: float) -> None:
        arrived = self._arrivals(per_s * self.config.interval_s)
        self._arrived = [*self._arrived[-round(RATE_S / self.config.interval_s) + 1 :], arrived]
        self.up += sum(at_s <= self.now_s for at_s in self.starting)
        self.starting = [at_s for at_s in self.starting if at_s > self.now_s]
        able = self.up / (FULL_S * self.slower) * self.config.interval_s
        served = min(able, self.queued + arrived)
        self.queued += arrived - served
        wait_s = self.queued / able * self.config.interval_s if able else math.inf
        self.late += arrived * (self.queued > 0 and wait_s > self.config.ttft_s)
        decision = self.policy(
            self._seen(served / self.config.interval_s, wait_s), self.state, self.config
        )
        self.state, self.last = decision.state, decision
        self._scale(decision.gangs)
        self.now_s += self.config.interval_s

    def _arrivals(self, mean: float) -> int:
        if not self.poisson:
            return round(mean)
        deviates = self._draw.gauss(mean, math.sqrt(mean)) if mean > 50 else self._small(mean)
        return max(0, round(deviates))

    def _small(self, mean: float) -> int:
        count, product = 0, self._draw.random()
        while product > math.exp(-mean):
            count, product = count + 1, product * self._draw.random()
        return count

    def _seen(self, served_per_s: float, wait_s: float) -> Observation:
        work = served_per_s * self.slower * 0.0128 / max(1, self.up)
        tpot_s = self.slower * min(0.005 / max(1e-9, 1 - work), 0.005 + 64 * 0.0003 + 0.01)
        running = round(min(64 * self.up, served_per_s * 32 * tpot_s))
        load = ClassLoad(
            queued_requests=math.ceil(self.queued),
            queued_tokens=96 * math.ceil(self.queued),
            oldest_s=wait_s if self.up and self.queued else 0.0,
            running=running,
            arrivals_per_s=sum(self._arrived) / RATE_S,
        )
        return Observation(
            now_s=self.now_s,
            gangs=GangCount(self.up, len(self.starting)),
            capacity=GANG,
            classes={Tier.STANDARD: load},
            lengths=LENGTHS,
            kv_tokens=96 * running,
            ttft_s=wait_s if self.queued else 0.02,
            tpot_s=tpot_s if running else None,
        )

    def _scale(self, wanted: int) -> None:
        staying = self.up + len(self.starting)
        if wanted != staying:
            self.decided.append((self.now_s, wanted - staying))
        for _ in range(wanted - staying):
            self.starting.append(self.now_s + self.start_s)
        for _ in range(staying - wanted):
            if self.starting:
                self.starting.pop()
            else:
                self.up -= 1
