"""The same of an engine that schedules a step while it computes the one before, as on GPUs."""

from collections.abc import Iterator

import pytest

from tests.system.moved.conftest import Scene, running
from tests.system.moved.kinds import KINDS, NOT_STREAMED
from tests.system.moved.same import same
from tests.system.moved.sample import Sample, sample


@pytest.fixture(scope="module")
def ahead() -> Iterator[Scene]:
    yield from running(".cache/nano-noise", async_scheduling=True)


@pytest.fixture(scope="module")
def said(ahead: Scene) -> Sample:
    return ahead.play(sample)


def test_the_engine_runs_ahead(ahead: Scene) -> None:
    """VLLM's default for CPUs is not to."""
    assert ahead.play(lambda clients: clients.rank.runs_ahead())


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_moves_is_the_same(ahead: Scene, said: Sample, kind: str) -> None:
    stream = kind not in NOT_STREAMED
    ahead.play(lambda clients: same(clients, KINDS[kind](said), stream=stream))
