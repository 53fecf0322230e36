"""`deployments.collector`."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from deployments.collector import lasting


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_made_meanwhile_stays() -> None:
    with lasting():
        assert not gc.isenabled()
        inside = weakref.ref(Cycle())
    outside = weakref.ref(Cycle())
    gc.collect()
    assert inside() is not None
    assert outside() is None


def test_the_collector_works_again_after_an_error() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError
    assert gc.isenabled()
