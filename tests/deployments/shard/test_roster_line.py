import asyncio
from collections.abc import Iterator

import pytest

from deployments.shard import roster_line
from deployments.shard.roster_line import RosterLine
from tests.deployments.roster_entries import entry


class Roster:
    """Answers whether a rank of the gang has died; an exception is raised instead."""

    def __init__(self, answers: list[bool | Exception]) -> None:
        self._answers: Iterator[bool | Exception] = iter(answers)
        self.asked: list[str] = []

    @property
    def died(self) -> "Roster":
        return self

    async def remote(self, gang: str, timeout_s: float) -> bool:
        self.asked.append(gang)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_rank_asks_until_another_has_died_past_failures_of_the_roster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roster_line, "_RETRY_S", 0.0)
    roster = Roster([False, RuntimeError("restarting"), False, True])
    asyncio.run(RosterLine(roster, entry(gang="g")).gang_ends())
    assert roster.asked == ["g"] * 4
