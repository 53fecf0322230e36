"""Which rank's requests may have ended a gang."""

import pytest

from deployments.scheduling.blame import to_blame
from deployments.wire.loss import Death, How


@pytest.mark.parametrize(
    ("first", "second", "blamed"),
    [
        ((How.FAILED, 9), (How.WAITING, 9), "first"),
        ((How.FAILED, 9), (How.KILLED, 9), "second"),
        ((How.SILENT, 9), (How.SILENT, 8), "second"),
        ((How.STOPPED, 9), (How.FAILED, 9), None),
        ((How.WAITING, 9), (How.WAITING, 8), None),
    ],
)
def test_the_requests_of_the_rank_that_died_first_may_have_ended_it(
    first: tuple[How, int], second: tuple[How, int], blamed: str | None
) -> None:
    deaths = [Death(*first, ("first",)), Death(*second, ("second",))]
    assert to_blame(deaths) == (() if blamed is None else (blamed,))
