"""When an engine counts as silent."""

import pytest

from deployments.shard.health.progress import Progress


def test_an_engine_that_steps_or_has_no_work_is_never_stalled() -> None:
    progress = Progress(silence_s=10, start_s=50)
    stalled = [progress.stalled_s(steps, float(steps), busy=True) for steps in range(100)]
    assert stalled == [0.0] * 100
    assert progress.stalled_s(99, 1000.0, busy=False) == 0
    assert progress.stalled_s(99, 1007.0, busy=True) == 7


def test_time_without_work_isnt_silence() -> None:
    progress = Progress(silence_s=10, start_s=50)
    for now_s in range(100):
        progress.stalled_s(5, float(now_s), busy=now_s < 3 or now_s >= 90)
    assert progress.stalled_s(5, 100.0, busy=True) == 11


def test_the_first_step_may_take_as_long_as_the_start() -> None:
    assert Progress(silence_s=10, start_s=300).bound_s(tokens=1) == 310


def test_the_bound_follows_the_longest_step_and_what_is_queued_beyond_it() -> None:
    progress = Progress(silence_s=10, start_s=300)
    progress.add(tokens=1000, seconds=2.0)
    progress.add(tokens=1, seconds=0.1)
    assert progress.bound_s(tokens=10) == pytest.approx(10 + 2 * 2, rel=0.01)
    assert progress.bound_s(tokens=8000) == pytest.approx(10 + 2 * 16, rel=0.01)


def test_a_step_that_compiled_is_forgotten() -> None:
    progress = Progress(silence_s=10, start_s=300)
    progress.add(tokens=100, seconds=60.0)
    assert progress.bound_s(tokens=100) == 130
    for _ in range(7000):
        progress.add(tokens=100, seconds=0.05)
    assert progress.bound_s(tokens=100) < 10.2
