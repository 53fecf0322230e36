"""Which loss is the cause of a gang's end, and how long the next gang waits."""

import pytest

from deployments.losses import Causes, cause_of
from deployments.wire.loss import How, Loss
from tests.deployments.losses import loss


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ([loss(0, How.FAILED)], loss(1, How.KILLED)),
        ([loss(0, How.WAITING)], loss(1, How.STOPPED)),
        ([loss(0, How.FAILED), loss(2, How.WAITING)], loss(1, How.VANISHED)),
        ([loss(0, How.WAITING, steps=4)], loss(1, How.SILENT, steps=5)),
        ([loss(0, How.WAITING, steps=9), loss(2, How.WAITING, steps=9)], loss(1, How.WAITING, 8)),
    ],
)
def test_the_cause_is_what_the_other_ranks_can_have_suffered_from(
    others: list[Loss], cause: Loss
) -> None:
    assert cause_of([*others, cause]) == cause
    assert cause_of([cause, *others]) == cause


def test_among_losses_alike_the_first_reported_is_the_cause() -> None:
    assert cause_of([loss(2, How.FAILED), loss(1, How.FAILED)]).rank == 2


def test_failures_in_a_row_make_the_next_gang_wait_longer_and_longer() -> None:
    causes = Causes()
    waits = []
    for _ in range(4):
        causes.add(loss(), now_s=100)
        waits.append(causes.wait_s(now_s=100))
    assert waits == [0, 5, 10, 20]
    assert causes.wait_s(now_s=112) == 8
    for _ in range(20):
        causes.add(loss(), now_s=100)
    assert causes.wait_s(now_s=100) == 300


def test_a_gang_that_lived_long_ends_the_row_and_time_forgets() -> None:
    causes = Causes()
    for lived_s in (1.0, 1.0, 3600.0, 1.0):
        causes.add(loss(lived_s=lived_s), now_s=0)
    assert causes.wait_s(now_s=0) == 0
    causes.add(loss(), now_s=0)
    assert causes.wait_s(now_s=0) == 5
    assert causes.wait_s(now_s=601) == 0
