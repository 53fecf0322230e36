"""What is predicted of weights and KV cache, against what engines hold."""

import pytest

from model_shards.architecture import Architecture
from model_shards.sizes import Precision, full_bytes, rotary_bytes, weight_bytes
from tests.system.parity.generation import Outcome

_ENGINES: list[tuple[str, Precision, int]] = [
    ("one_rank", "fp32", 1),
    ("two_ranks", "fp32", 2),
    ("two_ranks_bfloat16", "bf16", 2),
]


@pytest.mark.parametrize(("engine", "precision", "ranks"), _ENGINES)
def test_each_rank_holds_the_weights_that_are_predicted(
    engine: str,
    precision: Precision,
    ranks: int,
    architecture: Architecture,
    request: pytest.FixtureRequest,
) -> None:
    found: Outcome = request.getfixturevalue(engine)
    rotary = rotary_bytes(architecture, element_bytes=4 if precision == "fp32" else 2)
    predicted = weight_bytes(architecture, precision).of_rank(ranks) + rotary
    assert len(found.weight_bytes) == ranks
    for held_bytes in found.weight_bytes:
        assert held_bytes == pytest.approx(predicted, rel=0.03)


@pytest.mark.parametrize(("engine", "element_bytes"), [("one_rank", 4), ("two_ranks_bfloat16", 2)])
def test_a_token_of_the_cache_takes_what_is_predicted(
    engine: str, element_bytes: int, architecture: Architecture, request: pytest.FixtureRequest
) -> None:
    found: Outcome = request.getfixturevalue(engine)
    for cache in found.caches:
        predicted = cache.tokens * full_bytes(architecture, element_bytes)
        assert cache.size_bytes == pytest.approx(predicted, rel=0.03)
