"""Coefficients are recovered from steps that were made with known ones."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.autoscaling.observation import StepTime
from deployments.autoscaling.step_fit import StepFit

STEP = StepTime(base_s=0.005, sequence_s=0.0003, prefill_token_s=0.00005)
Engine = Callable[[int, random.Random], tuple[int, int]]


def waves(at: int, draw: random.Random) -> tuple[int, int]:
    """Return sequences and prompt tokens of a step under load that comes and goes."""
    return int(33 + 30 * math.sin(at / 300)), draw.choice([0, 0, 0, 500])


def fitted(
    step: StepTime,
    engine: Engine = waves,
    steps: int = 6000,
    noise: float = 0.1,
    late: Callable[[int], float] = lambda at: 1.0,
) -> StepTime:
    fit, draw = StepFit(), random.Random(3)
    for at in range(steps):
        sequences, tokens = engine(at, draw)
        seconds = step.base_s + step.sequence_s * sequences + step.prefill_token_s * tokens
        fit.add(sequences, tokens, seconds * draw.lognormvariate(0, noise) * late(at))
    assert fit.step is not None
    return fit.step


def lasts_s(step: StepTime, sequences: int, tokens: int = 0) -> float:
    return step.base_s + step.sequence_s * sequences + step.prefill_token_s * tokens


def about(step: StepTime, share: float) -> object:
    values = (step.base_s, step.sequence_s, step.prefill_token_s)
    return pytest.approx(values, rel=share)


def values(step: StepTime) -> tuple[float, float, float]:
    return step.base_s, step.sequence_s, step.prefill_token_s


@settings(max_examples=20, deadline=None)
@given(st.floats(0.001, 0.1), st.floats(0.1, 0.5), st.floats(0.1, 0.5))
def test_it_finds_what_steps_are_made_of(base_s: float, sequences: float, tokens: float) -> None:
    """Each coefficient has a share of the time that can be seen beside the others."""
    step = StepTime(base_s, base_s * sequences / 10, base_s * tokens / 100)
    assert values(fitted(step)) == about(step, 0.1)


def test_steps_may_be_given_together() -> None:
    fit, draw = StepFit(), random.Random(3)
    for at in range(2000):
        sequences, tokens = waves(10 * at, draw)
        fit.add(sequences, tokens, lasts_s(STEP, sequences, tokens), steps=draw.randint(1, 40))
    assert fit.step is not None
    assert values(fit.step) == about(STEP, 0.02)


@given(st.sampled_from([1e-3, 1.0, 1e3]))
@settings(max_examples=3, deadline=None)
def test_units_do_not_matter(times: float) -> None:
    scaled = StepTime(*(times * value for value in values(STEP)))
    expected = StepTime(*(times * value for value in values(fitted(STEP))))
    assert values(fitted(scaled)) == about(expected, 1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 10_000), st.floats(0, 100)),
        min_size=200,
        max_size=300,
    )
)
def test_coefficients_are_never_below_nothing(steps: list[tuple[int, int, float]]) -> None:
    fit = StepFit()
    for sequences, prefill_tokens, seconds in steps:
        fit.add(sequences, prefill_tokens, seconds)
    step = fit.step
    assert step is None or min(values(step)) >= 0
    assert step is None or all(map(math.isfinite, values(step)))


def test_nothing_is_said_of_few_steps() -> None:
    fit = StepFit()
    for _ in range(20):
        fit.add(1, 0, 0.01)
    assert fit.step is None


def test_pauses_are_not_the_engine() -> None:
    step = fitted(STEP, late=lambda at: 100.0 if at % 97 == 0 else 1.0)
    assert values(step) == about(STEP, 0.1)


def test_an_engine_that_became_slower_is_followed() -> None:
    step = fitted(STEP, steps=60_000, late=lambda at: 2.0 if at > 10_000 else 1.0)
    assert lasts_s(step, 30) == pytest.approx(2 * lasts_s(STEP, 30), rel=0.1)


@pytest.mark.parametrize("sequences", [1, 30])
def test_where_load_never_varied_all_time_counts_as_work(sequences: int) -> None:
    step = fitted(STEP, lambda at, draw: (sequences, 0))
    assert step.base_s < 0.05 * STEP.base_s
    assert lasts_s(step, sequences) == pytest.approx(lasts_s(STEP, sequences), rel=0.05)
