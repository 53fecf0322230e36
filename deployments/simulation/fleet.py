"""The simulated gangs, as Serve would keep them: asked for, coming up, draining, gone."""

import math

from configs.scenario import Scenario
from deployments.autoscaling.observation import Capacity, GangCount
from deployments.autoscaling.step_fit import StepFit
from deployments.scheduling.rank_load import RankLoad
from deployments.simulation.gang import SimulatedGang, new_gang
from deployments.simulation.rank import Rank


class SimulatedFleet:
    """All gangs of a simulation. A gang costs from when it is asked for until it is gone."""

    def __init__(self, scenario: Scenario, answer_tokens: int) -> None:
        self.gangs: list[SimulatedGang] = []
        self.fit = StepFit()
        self._scenario = scenario
        self._answer_tokens = answer_tokens
        self._made = 0
        self._ranks: dict[str, tuple[SimulatedGang, Rank]] = {}
        self._start_s: float | None = None  # measured
        self._spent_s = 0.0
        initial = scenario.initial_gangs
        for _ in range(scenario.autoscaling.min_gangs if initial is None else initial):
            self._ask(0.0).up = True

    def _ask(self, now_s: float) -> SimulatedGang:
        self._made += 1
        gang = new_gang(self._scenario, self._made, now_s, self._answer_tokens)
        self.gangs.append(gang)
        self._ranks |= {rank.load.replica: (gang, rank) for rank in gang.ranks}
        return gang

    def count(self) -> GangCount:
        return GangCount(
            up=sum(gang.up and gang.stays for gang in self.gangs),
            starting=sum(not gang.up for gang in self.gangs),
            draining=sum(not gang.stays for gang in self.gangs),
        )

    def capacity(self) -> Capacity | None:
        if not self._made:
            return None
        gang = self._scenario.gang
        return Capacity(
            ranks=gang.ranks,
            sequences=gang.ranks * gang.max_num_seqs,
            kv_tokens=gang.ranks * int(self._scenario.admission.kv_share * gang.kv_tokens),
            step=self.fit.step,
            start_s=self._start_s,
        )

    def rank_loads(self) -> list[RankLoad]:
        """Return the loads of the ranks that get new work."""
        return [rank.load for gang in self.gangs if gang.up and gang.stays for rank in gang.ranks]

    def at(self, load: RankLoad) -> tuple[SimulatedGang, Rank]:
        """Return the gang and the rank that a load belongs to."""
        return self._ranks[load.replica]

    def next_up_s(self) -> float:
        return min((gang.up_at_s for gang in self.gangs if not gang.up), default=math.inf)

    def next_end(self) -> SimulatedGang | None:
        """Return the gang whose steps end first; None without gangs."""
        return min(self.gangs, key=lambda gang: gang.ends_s, default=None)

    def come_up(self, now_s: float) -> None:
        for gang in self.gangs:
            if not gang.up and gang.up_at_s <= now_s:
                gang.up = True
                self._start_s = now_s - gang.asked_at_s

    def scale(self, wanted: int, now_s: float) -> None:
        """Ask for gangs or let some go, so that `wanted` stay.

        Gangs that start go first, as in Ray Serve, then those with the least to do.
        """
        staying = [gang for gang in self.gangs if gang.stays]
        for _ in range(wanted - len(staying)):
            self._ask(now_s)
        staying.sort(key=lambda gang: (gang.up, gang.running, -gang.asked_at_s))
        for gang in staying[: max(0, len(staying) - wanted)]:
            gang.gone_by_s = now_s + self._scenario.survival.drain_s
            if not gang.up:
                self.remove(gang, now_s)

    def drained(self, now_s: float) -> list[SimulatedGang]:
        """Return the gangs that drain and have no request left, or whose time to drain is over."""
        return [
            gang
            for gang in self.gangs
            if gang.gone_by_s is not None and (not gang.running or gang.gone_by_s <= now_s)
        ]

    def remove(self, gang: SimulatedGang, now_s: float) -> None:
        self.gangs.remove(gang)
        for rank in gang.ranks:
            del self._ranks[rank.load.replica]
        self._spent_s += now_s - gang.asked_at_s

    def gang_s(self, now_s: float) -> float:
        """Return the gang seconds spent so far."""
        return self._spent_s + sum(now_s - gang.asked_at_s for gang in self.gangs)
