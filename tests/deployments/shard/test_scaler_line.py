"""What a rank passes on to Serve."""

import asyncio
from typing import Any

from deployments.autoscaling.gang_policy import Wanted
from deployments.autoscaling.reports import RankReport
from deployments.shard import scaler_line
from deployments.shard.scaler_line import ScalerLine
from tests.deployments.autoscaling.reported import rank


class Scaler:
    """Stands for a Serve handle: gives its answers in turn, then none."""

    def __init__(self, *answers: Wanted | Exception | None) -> None:
        self._answers = list(answers)
        self.told_gangs: list[int | None] = []
        self.over = asyncio.Event()
        self.rank: Any = self

    async def remote(self, report: RankReport) -> Wanted | None:
        self.told_gangs.append(report.told_gangs)
        if not self._answers:
            self.over.set()
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_last_word_counts_while_there_is_none_and_the_next_scaler_hears_it(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(scaler_line, "REPORT_EVERY_S", 0)

    async def scene() -> None:
        scaler = Scaler(None, Wanted(10.0, 2), ConnectionError("gone"), None)
        line = ScalerLine(scaler, lambda gangs: rank("a", told_gangs=gangs))
        assert line.stats() == {}
        running = asyncio.create_task(line.run())
        await scaler.over.wait()
        assert line.stats() == {"gangs": 2, "decided_s": 10.0}
        assert scaler.told_gangs == [None, None, 2, 2, 2]
        running.cancel()

    asyncio.run(scene())
