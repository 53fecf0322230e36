import pytest

from deployments.shard.restarts import Restarts
from deployments.wire.loss import How

START_S = 30.0
SOON, LATE = START_S - 1, START_S


@pytest.mark.parametrize("how", [How.KILLED, How.FAILED, How.WAITING])
def test_an_engine_that_died_or_waited_for_one_is_started_again(how: How) -> None:
    restarts = Restarts()
    assert restarts.may(how, LATE, START_S)
    assert restarts.count == 1


@pytest.mark.parametrize("how", [How.STOPPED, How.SILENT, How.VANISHED])
def test_what_hangs_is_left_to_serve(how: How) -> None:
    restarts = Restarts()
    assert not restarts.may(how, LATE, START_S)
    assert restarts.count == 0


def test_an_engine_that_ends_soon_twice_in_a_row_is_left_to_serve() -> None:
    restarts = Restarts()
    lived = [LATE, SOON, LATE, SOON, SOON]
    may = [restarts.may(How.KILLED, lived_s, START_S) for lived_s in lived]
    assert may == [True, True, True, True, False]
    assert restarts.count == 4
