"""Answers that move between engines with speculative decoding.

On a CPU that is by n-grams. What EAGLE on a GPU adds: its draft model has a KV cache of its own.
"""

import asyncio
from collections.abc import Iterator

import openai
import pytest

from tests.system.moved.asking import answer
from tests.system.moved.conftest import Scene, running
from tests.system.moved.deployment import Clients
from tests.system.moved.mover import Plan
from tests.system.moved.same import same_in_both_forms
from tests.system.moved.skills import DRAWN, SKILLS

_GUESSED = 3
GUESSING = {
    "speculative_config": {
        "method": "ngram",
        "num_speculative_tokens": _GUESSED,
        "prompt_lookup_max": 4,
    }
}


@pytest.fixture(scope="module")
def guessing() -> Iterator[Scene]:
    """Serve with speculative decoding: a step brings a token, and those guessed right before it."""
    yield from running("model_shards/nano_checkpoint", **GUESSING)


@pytest.mark.parametrize("kind", SKILLS)
def test_an_answer_that_moves_is_the_same(guessing: Scene, kind: str) -> None:
    guessing.play(
        lambda clients: same_in_both_forms(clients, SKILLS[kind], most_tokens=1 + _GUESSED)
    )


def test_some_guesses_are_right(guessing: Scene) -> None:
    async def scene(clients: Clients) -> None:
        plan = Plan()
        await answer(clients, SKILLS["a long chat"], plan, stream=False)
        (journey,) = plan.journeys.values()
        assert journey.steps < 0.8 * journey.tokens

    guessing.play(scene)


@pytest.mark.parametrize("stream", [False, True])
def test_a_seed_is_refused_rather_than_guessed_otherwise(guessing: Scene, stream: bool) -> None:
    """How many random numbers a step draws depends on the guesses before it."""

    async def scene(clients: Clients) -> None:
        anew, late = Plan((0,)), Plan((9,))
        await asyncio.create_task(answer(clients, DRAWN, anew, stream=stream))
        with pytest.raises(openai.APIError, match="`seed`"):
            await asyncio.create_task(answer(clients, DRAWN, late, stream=stream))
        assert [journey.moved for journey in anew.journeys.values()] == [[0]]
        assert all(journey.tokens < 9 + 1 + _GUESSED for journey in late.journeys.values())

    guessing.play(scene)
