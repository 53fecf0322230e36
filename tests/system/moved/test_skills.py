"""Answers of a trained model that move: it thinks, calls tools and sees."""

from collections.abc import Iterator

import pytest

from tests.system.moved.asking import Call, answer
from tests.system.moved.conftest import Scene, running
from tests.system.moved.deployment import Clients
from tests.system.moved.mover import Plan
from tests.system.moved.same import same_in_both_forms
from tests.system.moved.skills import SKILLS, THINKING


@pytest.fixture(scope="module")
def plain() -> Iterator[Scene]:
    yield from running("model_shards/nano_checkpoint")


@pytest.mark.parametrize("kind", SKILLS)
def test_an_answer_that_moves_is_the_same(plain: Scene, kind: str) -> None:
    plain.play(lambda clients: same_in_both_forms(clients, SKILLS[kind]))


def test_vllm_holds_this_tokenizers_thinking_to_no_budget(plain: Scene) -> None:
    """If it did, its count of what was thought would have to move, too."""

    async def scene(clients: Clients) -> None:
        calls = (Call(asked=THINKING), Call(asked=THINKING, extra={"thinking_token_budget": 5}))
        free, held = [await answer(clients, call, Plan(), stream=False) for call in calls]
        assert held == free

    plain.play(scene)
