import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from deployments.shard.recording import RankCount, Recording

LONG_S = 1000.0

Answer = TypeVar("Answer")


class FakeEngine:
    """Computes ten tokens between two questions."""

    def __init__(self, uncountable: str | None = None, failure: str | None = None) -> None:
        self.uncountable = uncountable
        self.failure = failure
        self.calls: list[str] = []
        self.off = asyncio.Event()
        self._tokens = 0

    async def start_counting(self) -> None:
        self.calls.append("start")
        if self.failure:
            raise ValueError(self.failure)
        self.off.clear()
        self._tokens = 0

    async def counted(self) -> tuple[int, list[list[int]]]:
        self._tokens += 10
        return self._tokens, [[self._tokens, 0]]

    async def stop_counting(self) -> None:
        self.calls.append("stop")
        self.off.set()


def run(engine: FakeEngine, *calls: tuple[str, float]) -> list[RankCount]:
    async def all_calls() -> list[RankCount]:
        recording = Recording(engine, "replica")
        return [await recording.count(*call) for call in calls]

    return within_seconds(all_calls())


def within_seconds(work: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(asyncio.wait_for(work, 10))


def test_counts_grow_until_the_recording_is_ended() -> None:
    engine = FakeEngine()
    answers = run(engine, ("a", LONG_S), ("a", LONG_S), ("a", 0))
    assert [answer.tokens for answer in answers] == [10, 20, 30]
    assert answers[-1] == RankCount(replica="replica", tokens=30, chosen=((30, 0),))
    assert engine.calls == ["start", "stop"]


def test_the_next_recording_begins_at_zero() -> None:
    answers = run(FakeEngine(), ("a", LONG_S), ("a", 0), ("b", LONG_S))
    assert answers[-1].tokens == 10


def test_a_second_recording_is_refused_and_leaves_the_first_alone() -> None:
    first, second, ended, again = run(
        FakeEngine(), ("a", LONG_S), ("b", LONG_S), ("b", 0), ("a", LONG_S)
    )
    assert (first.refusal, again.refusal) == (None, None)
    assert "another recording" in str(second.refusal)
    assert "another recording" in str(ended.refusal)
    assert again.tokens == 20


def test_it_ends_when_nobody_asks_any_more() -> None:
    engine = FakeEngine()

    async def forgotten() -> RankCount:
        recording = Recording(engine, "replica")
        await recording.count("a", lease_s=0.01)
        await engine.off.wait()
        return await recording.count("b", LONG_S)

    assert within_seconds(forgotten()).refusal is None
    assert engine.calls == ["start", "stop", "start"]


def test_each_question_puts_the_end_off() -> None:
    engine = FakeEngine()

    async def asked_again() -> bool:
        recording = Recording(engine, "replica")
        before = asyncio.all_tasks()
        await recording.count("a", lease_s=0.01)
        expiries = asyncio.all_tasks() - before
        await recording.count("a", LONG_S)
        await asyncio.wait(expiries)
        return not engine.off.is_set()

    assert within_seconds(asked_again())


@pytest.mark.parametrize(
    "engine", [FakeEngine(uncountable="no counter"), FakeEngine(failure="no counter")]
)
def test_an_engine_that_cannot_count_says_why(engine: FakeEngine) -> None:
    (answer,) = run(engine, ("a", LONG_S))
    assert answer.refusal == "no counter"
    assert "stop" not in engine.calls
