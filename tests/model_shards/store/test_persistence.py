"""How long a store is waited for, on a simulated clock."""

from itertools import count

import pytest

from model_shards.store.persistence import PATIENCE_S, Patience


class _Clock:
    """A clock that only pauses move."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _waited_s(patience_s: float | None) -> tuple[float, int]:
    """Return how long a store that never answers is waited for, and after how many tries."""
    clock = _Clock()
    patience = Patience(patience_s, clock)
    for tries in count(1):
        if (pause_s := patience.pause_s()) is None:
            return clock.now_s, tries
        clock.now_s += pause_s
    raise AssertionError


@pytest.mark.parametrize("patience_s", [None, 30.0, 2.0])
def test_a_store_is_waited_for_as_long_as_it_is_said_and_seldom_asked(
    patience_s: float | None,
) -> None:
    for_s = PATIENCE_S if patience_s is None else patience_s
    waited_s, tries = _waited_s(patience_s)
    assert for_s - 5 <= waited_s <= for_s
    assert tries <= 8 + for_s / 2.5
