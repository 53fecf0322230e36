"""An answer that moves to another rank, after any of its tokens, is the answer that stayed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.system.moved.asking import Call, answer
from tests.system.moved.conftest import Scene, running
from tests.system.moved.deployment import Clients
from tests.system.moved.kinds import KINDS, NOT_STREAMED, SHAPED
from tests.system.moved.mover import Plan
from tests.system.moved.same import same, same_in_both_forms
from tests.system.moved.sample import Sample, sample
from tests.system.served.deployed import MODEL


@pytest.fixture(scope="module")
def noise() -> Iterator[Scene]:
    """Serve random weights: what they answer is long, and changes with everything asked."""
    yield from running(".cache/nano-noise")


@pytest.fixture(scope="module")
def said(noise: Scene) -> Sample:
    return noise.play(sample)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_moves_is_the_same(noise: Scene, said: Sample, kind: str) -> None:
    call, whole = KINDS[kind](said), kind in NOT_STREAMED
    noise.play(
        lambda clients: (
            same(clients, call, stream=False) if whole else same_in_both_forms(clients, call)
        )
    )


@pytest.mark.parametrize("kind", SHAPED)
def test_what_shapes_an_answer_does(noise: Scene, said: Sample, kind: str) -> None:
    async def tokens(clients: Clients) -> Any:
        return (await answer(clients, KINDS[kind](said), Plan(), stream=False))["choices"][0]

    assert noise.play(tokens)["token_ids"] != said.tokens


def test_an_answer_may_move_after_any_token(noise: Scene) -> None:
    asked = {"logprobs": True, "presence_penalty": 1.0, "temperature": 1.0, "seed": 3}
    call = Call(asked=asked, extra={"min_tokens": 28, "top_k": 50, "min_p": 0.01})

    async def scene(clients: Clients) -> None:
        plans = [Plan(), *(Plan((place,)) for place in range(30))]
        answers = (answer(clients, call, plan, stream=True) for plan in plans)
        expected, *others = await asyncio.gather(*answers)
        assert all(other == expected for other in others)
        moved = [journey.moved for plan in plans for journey in plan.journeys.values()]
        assert moved == [[], *([place] for place in range(30))]

    noise.play(scene)


def test_a_beam_search_goes_on(noise: Scene) -> None:
    """Each of its steps is a request of one token, which can only move before it."""
    call = Call(asked={"n": 2, "max_tokens": 8}, extra={"use_beam_search": True})

    async def scene(clients: Clients) -> None:
        stays, moves = Plan(), Plan((0,))
        expected, given = await asyncio.gather(
            *(answer(clients, call, plan, stream=False) for plan in (stays, moves))
        )
        assert given == expected
        assert len(moves.journeys) == 2 * 8 - 1
        assert all(journey.moved == [0] for journey in moves.journeys.values())

    noise.play(scene)


def test_there_are_no_embeddings(noise: Scene) -> None:
    async def scene(clients: Clients) -> None:
        with pytest.raises(openai.NotFoundError, match="/v1/embeddings"):
            await clients.openai.embeddings.create(model=MODEL, input="the sea")

    noise.play(scene)
