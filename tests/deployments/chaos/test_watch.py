from collections.abc import Iterator
from dataclasses import replace

import pytest

from configs.errors import BenchError
from deployments.chaos.look import Look
from deployments.chaos.watch import Watch
from tests.deployments.chaos.looks import SHAPE, WHOLE


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watch a deployment that is whole from the third look on; looks are a second apart."""
    looks = iter(replace(WHOLE, at_s=float(number), answers=number >= 2) for number in range(1000))
    watching = Watch(lambda: next(looks))
    yield watching
    watching.stop()


def whole(look: Look) -> bool:
    return look.whole(SHAPE)


def test_a_look_is_waited_for(watch: Watch) -> None:
    assert watch.look(whole, after_s=0, timeout_s=30).at_s == 2


def test_an_early_look_does_not_count(watch: Watch) -> None:
    assert watch.look(lambda _: True, after_s=1, timeout_s=30).at_s == 1


def test_what_never_comes_is_an_error(watch: Watch) -> None:
    with pytest.raises(BenchError, match="isn't as it should be"):
        watch.look(lambda _: False, after_s=0, timeout_s=0.1)
