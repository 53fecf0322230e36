"""Takes the reports of ranks and routers, and decides how many gangs there should be."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Generic, TypeVar

from configs.autoscaling import Autoscaling
from deployments.autoscaling.gang_policy import Wanted
from deployments.autoscaling.gang_starts import GangStarts
from deployments.autoscaling.observation import Capacity, Lengths, Observation
from deployments.autoscaling.observing import capacity_of, observe, whole_gangs
from deployments.autoscaling.policy import Decision, decide
from deployments.autoscaling.policy_state import PolicyState
from deployments.autoscaling.reports import EXPIRE_AFTER_S, RankReport, RouterReport

logger = logging.getLogger("ray.serve")

Report = TypeVar("Report")


class _Latest(Generic[Report]):
    """Keeps the last report of each sender, until it is older than `EXPIRE_AFTER_S`."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[float, Report]] = {}

    def hear(self, name: str, report: Report, now_s: float) -> None:
        self._reports[name] = now_s, report

    def living(self, now_s: float) -> list[Report]:
        self._reports = {
            name: (heard_s, report)
            for name, (heard_s, report) in self._reports.items()
            if now_s - heard_s <= EXPIRE_AFTER_S
        }
        return [report for _, report in self._reports.values()]


class Scaler:
    """Turns reports into decisions, without Ray and with a clock that the caller hands in.

    A scaler that has just started first waits for reports of all ranks and routers, and decides
    nothing meanwhile.
    """

    def __init__(self, config: Autoscaling, now_s: float) -> None:
        self.seen: Observation | None = None
        self.decision: Decision | None = None
        self._config = config
        self._decides_from_s = now_s + EXPIRE_AFTER_S
        self._ranks: _Latest[RankReport] = _Latest()
        self._routers: _Latest[RouterReport] = _Latest()
        self._starts = GangStarts()
        self._capacity: Capacity | None = None  # kept where no gang is left
        self._lengths = Lengths()  # kept where nothing was answered of late
        self._state = PolicyState()

    def hear_rank(self, report: RankReport, now_s: float) -> None:
        self._ranks.hear(report.replica, report, now_s)

    def hear_router(self, report: RouterReport, now_s: float) -> None:
        self._routers.hear(report.router, report, now_s)

    def look(self, now_s: float) -> Decision | None:
        """Decide once every `interval_s`, and return the last decision.

        Returns None while too little is known.
        """
        ranks = self._ranks.living(now_s)
        self._starts.see(whole_gangs(ranks), now_s)
        self._capacity = _known(capacity_of(ranks, self._starts.start_s), self._capacity)
        before_restart = max((rank.told_gangs or 0 for rank in ranks), default=0)
        wanted = self.decision.gangs if self.decision else before_restart
        routers = self._routers.living(now_s)
        seen = observe(ranks, routers, wanted, self._capacity, now_s)
        self._lengths = seen.lengths if seen.lengths.answer_tokens else self._lengths
        self.seen = replace(seen, lengths=self._lengths)
        if now_s >= self._decides_from_s:
            self._decides_from_s = now_s + self._config.interval_s
            self.decision = decide(self.seen, self._state, self._config)
            self._state = self.decision.state
            self._starts.want(self.decision.gangs, now_s)
        return self.decision


def _known(capacity: Capacity | None, before: Capacity | None) -> Capacity | None:
    """Return `capacity`, with what it lacks taken from the capacity `before`.

    A new gang has timed no steps yet: its steps are taken to last as long as those before.
    """
    if capacity is None or before is None or capacity.step is not None:
        return capacity or before
    return replace(capacity, step=before.step)


class ScalerService:
    """Serve deployment of a Scaler: one replica for all ranks and routers of an application."""

    def __init__(self, config: Autoscaling) -> None:
        self._config = config
        self._scaler = Scaler(config, time.monotonic())
        self._wanted: Wanted | None = None
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            before = self._wanted
            if (decision := self._scaler.look(time.monotonic())) is not None:
                self._wanted = Wanted(time.time(), decision.gangs)
                if before is None or before.gangs != decision.gangs:
                    logger.info("gangs wanted: %s", decision.reason)
            await asyncio.sleep(self._config.interval_s)

    async def rank(self, report: RankReport) -> Wanted | None:
        """Take a rank's report.

        Returns how many gangs are wanted, for the rank to pass on to Serve; None while that isn't
        known.
        """
        self._scaler.hear_rank(report, time.monotonic())
        return self._wanted

    async def router(self, report: RouterReport) -> None:
        self._scaler.hear_router(report, time.monotonic())

    async def state(self) -> tuple[Observation | None, Decision | None]:
        """Return the last observation and the last decision."""
        return self._scaler.seen, self._scaler.decision

    async def check_health(self) -> None:
        if self._looking.done():
            raise RuntimeError("the scaler has stopped") from self._looking.exception()
