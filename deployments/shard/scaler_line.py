"""One rank's line to the scaler; the number of gangs that the scaler wants goes on to Serve."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from deployments.autoscaling.gang_policy import Wanted
from deployments.autoscaling.reports import REPORT_EVERY_S, RankReport


class ScalerLine:
    """`scaler` is a Serve handle; its last answer counts until it gives another."""

    def __init__(self, scaler: Any, report: Callable[[int | None], RankReport]) -> None:
        """Make reports with `report`, which is given how many gangs were last wanted."""
        self._scaler = scaler
        self._report = report
        self._wanted: Wanted | None = None

    async def run(self) -> None:
        """Report for ever."""
        while True:
            told_gangs = self._wanted.gangs if self._wanted else None
            with contextlib.suppress(Exception):  # it may be restarting
                wanted = await self._scaler.rank.remote(self._report(told_gangs))
                self._wanted = wanted or self._wanted
            await asyncio.sleep(REPORT_EVERY_S)

    def stats(self) -> dict[str, float]:
        """Return the scaler's answer for Serve's autoscaling; empty as long as there is none."""
        return self._wanted.stats() if self._wanted else {}
