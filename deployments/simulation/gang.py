"""A gang of the simulation: ranks that step together."""

import math
from dataclasses import dataclass

from configs.scenario import Scenario
from deployments.autoscaling.step_fit import StepFit
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.simulation.rank import Rank
from deployments.simulation.request import Request


@dataclass(slots=True, eq=False)
class SimulatedGang:
    """One simulated gang: it starts until `up_at_s`, and is then up until it drains.

    Steps that are alike are one event, unless a request comes in between.
    """

    asked_at_s: float
    up_at_s: float
    base_s: float
    ranks: list[Rank]
    up: bool = False
    gone_by_s: float | None = None  # if it drains: the time when it ends at the latest
    begun_at_s: float = 0.0
    steps: int = 0  # that have begun and end together; 0: it is idle
    step_s: float = 0.0

    def begin(self, now_s: float) -> None:
        """Begin the next steps, if there is anything to do.

        A step lasts as long as that of the rank that has the most to do.
        """
        ranks = [rank.begin() for rank in self.ranks]
        self.begun_at_s = now_s
        self.steps = min((alike for alike, _ in ranks if alike), default=0)
        self.step_s = self.base_s + max(seconds for _, seconds in ranks)

    def add(self, rank: Rank, request: Request, now_s: float) -> None:
        """Add a request to a rank.

        Its prompt is begun once the running step has ended: the steps like it that were to follow
        are left out.
        """
        rank.add(request)
        if self.steps:
            passed = math.ceil((now_s - self.begun_at_s) / self.step_s)
            self.steps = min(self.steps, max(1, passed))
        else:
            self.begin(now_s)

    @property
    def ends_s(self) -> float:
        """When the steps that have begun end; infinity if none have."""
        return self.begun_at_s + self.steps * self.step_s if self.steps else math.inf

    def end(self, fit: StepFit) -> tuple[list[Request], list[Request]]:
        """End the steps, and add those of the first rank to `fit`.

        Returns the requests that got a first token, and those that got their last.
        """
        begun: list[Request] = []
        done: list[Request] = []
        timed = self.ranks[0]
        if timed.answers or timed.chunk:
            fit.add(len(timed.answers), timed.chunk, self.step_s, self.steps)
        for rank in self.ranks:
            first, last = rank.end(self.steps)
            begun += first
            done += last
        self.steps = 0
        return begun, done

    @property
    def running(self) -> int:
        return sum(rank.load.sequences for rank in self.ranks)

    @property
    def stays(self) -> bool:
        return self.gone_by_s is None


def new_gang(scenario: Scenario, name: int, now_s: float, answer_tokens: int) -> SimulatedGang:
    """Make a gang that is asked for now.

    `answer_tokens` is how long the router expects answers to get.
    """
    gang, admission = scenario.gang, scenario.admission
    limits = Limits(
        sequences=gang.max_num_seqs,
        prefill_tokens=int(admission.prefill_steps * gang.max_num_batched_tokens),
        kv_tokens=int(admission.kv_share * gang.kv_tokens),
        block_tokens=gang.block_tokens,
    )
    ranks = [
        Rank(RankLoad(f"{name:06d}-{rank}", limits, answer_tokens=answer_tokens), gang)
        for rank in range(gang.ranks)
    ]
    return SimulatedGang(now_s, now_s + gang.start_s, gang.step.base_s, ranks)
