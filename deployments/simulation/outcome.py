"""The outcome of a simulation: its requests, its looks and its cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from configs.scenario import Scenario
from deployments.autoscaling.observation import GangCount
from deployments.autoscaling.quantile import quantile
from deployments.simulation.request import Request


@dataclass(frozen=True, slots=True)
class Look:
    """The deployment at one decision of the policy."""

    at_s: float
    arrived: int  # requests since the last look
    queued: int
    running: int
    gangs: GangCount
    wanted: int  # gangs
    ttft_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    scenario: Scenario
    requests: Sequence[Request]
    looks: Sequence[Look]
    gang_s: float  # from when each gang was asked for until it was gone

    @property
    def answered(self) -> int:
        return sum(request.done_at_s is not None for request in self.requests)

    @property
    def good(self) -> int:
        """Requests that were answered within both targets."""
        targets = self.scenario.autoscaling
        return sum(request.good(targets.ttft_s, targets.tpot_s) for request in self.requests)

    @property
    def duration_s(self) -> float:
        """Seconds that the traffic lasts; requests that are open then are answered later."""
        return self.scenario.traffic.ends_s or 1.0

    def ttft_s(self, share: float) -> float | None:
        times = (request.ttft_s for request in self.requests)
        return quantile([ttft_s for ttft_s in times if ttft_s is not None], share)

    def tpot_s(self, share: float) -> float | None:
        times = (request.tpot_s for request in self.requests)
        return quantile([tpot_s for tpot_s in times if tpot_s is not None], share)

    @property
    def gpu_h(self) -> float:
        gang = self.scenario.gang
        return self.gang_s * gang.ranks * gang.gpus_per_rank / 3600

    @property
    def changes(self) -> list[tuple[float, int]]:
        """Times at which other gangs were wanted, each with how many more or, below 0, fewer."""
        first = self.looks[0].gangs.staying
        wanted = [first, *(look.wanted for look in self.looks)]
        changes = zip(self.looks, wanted, wanted[1:], strict=False)
        return [(look.at_s, now - before) for look, before, now in changes if now != before]

    @property
    def gangs(self) -> tuple[int, float, int]:
        """Fewest, mean and most gangs that were up, over all looks."""
        up = [look.gangs.up for look in self.looks]
        return min(up), sum(up) / len(up), max(up)
