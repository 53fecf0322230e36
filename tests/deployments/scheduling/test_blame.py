"""Which rank of a gang a request may have ended."""

import pytest

from deployments.scheduling.blame import to_blame
from deployments.wire.loss import Death, How


@pytest.mark.parametrize(
    ("deaths", "blamed"),
    [
        ({"a": Death(How.FAILED, 9), "b": Death(How.WAITING, 9)}, "a"),
        ({"a": Death(How.FAILED, 9), "b": Death(How.KILLED, 9)}, "b"),
        ({"a": Death(How.SILENT, 9), "b": Death(How.SILENT, 8)}, "b"),
        ({"a": Death(How.STOPPED, 9), "b": Death(How.FAILED, 9)}, None),
        ({"a": Death(How.WAITING, 9), "b": Death(How.WAITING, 8)}, None),
    ],
)
def test_the_rank_that_a_request_may_have_ended(
    deaths: dict[str, Death], blamed: str | None
) -> None:
    assert to_blame(deaths) == blamed
