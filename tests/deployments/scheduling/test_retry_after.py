import pytest

from deployments.scheduling.retry_after import RetryAfter


def test_the_wait_is_what_the_line_takes_at_the_rate_of_late() -> None:
    retry_after = RetryAfter()
    for tenth in range(50):
        retry_after.serve(tenth / 10)  # ten a second
    assert retry_after.wait_s(waiting=200, now_s=5) == pytest.approx(20)


@pytest.mark.parametrize(("waiting", "wait_s"), [(0, 1), (10_000, 60)])
def test_it_is_neither_nothing_nor_for_ever(waiting: int, wait_s: float) -> None:
    retry_after = RetryAfter()
    assert retry_after.wait_s(waiting, now_s=5) == wait_s
    retry_after.serve(1)
    retry_after.serve(2)
    assert retry_after.wait_s(waiting, now_s=3) == wait_s
