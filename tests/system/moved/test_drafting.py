"""Answers that move between engines whose guesses a model makes: a part of the state of a rank.

EAGLE's draft model has a KV cache of its own, which a new rank fills as it prefills. vLLM's
`draft_model` has one, too, and needs no weights but nano's.
"""

from collections.abc import Iterator

import pytest
import torch

from tests.system.moved.conftest import Scene, running
from tests.system.moved.same import same_in_both_forms
from tests.system.moved.skills import SKILLS

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no GPU: answers with a draft model have never moved, on any device",
)
_NANO = "model_shards/nano_checkpoint"
_GUESSED = 3


@pytest.fixture(scope="module")
def drafting() -> Iterator[Scene]:
    draft = {"method": "draft_model", "model": _NANO, "num_speculative_tokens": _GUESSED}
    yield from running(_NANO, speculative_config=draft)


@pytest.mark.parametrize("kind", SKILLS)
def test_an_answer_that_moves_is_the_same(drafting: Scene, kind: str) -> None:
    drafting.play(
        lambda clients: same_in_both_forms(clients, SKILLS[kind], most_tokens=1 + _GUESSED)
    )
