import pytest

from deployments.scheduling.retry_after import RetryAfter


def test_the_wait_is_what_the_line_takes_at_the_rate_of_late() -> None:
    drain = RetryAfter()
    for tenth in range(50):
        drain.serve(tenth / 10)  # ten a second
    assert drain.wait_s(waiting=200, now_s=5) == pytest.approx(20)


@pytest.mark.parametrize(("waiting", "wait_s"), [(0, 1), (10_000, 60)])
def test_it_is_neither_nothing_nor_for_ever(waiting: int, wait_s: float) -> None:
    drain = RetryAfter()
    assert drain.wait_s(waiting, now_s=5) == wait_s
    drain.serve(1)
    drain.serve(2)
    assert drain.wait_s(waiting, now_s=3) == wait_s
