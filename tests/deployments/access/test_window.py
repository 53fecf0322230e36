from hypothesis import given
from hypothesis import strategies as st

from deployments.access.window import Window

LIMIT = 10
STEPS = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 15)), max_size=40)


@given(STEPS)
def test_no_minute_has_more_than_the_limit(steps: list[tuple[float, int]]) -> None:
    window, now_s, taken = Window(), 0.0, []
    for pause_s, wanted in steps:
        now_s += pause_s
        amount = max(0, min(wanted, int(window.left(LIMIT, now_s))))
        window.charge(amount, now_s)
        taken.append((now_s, amount))
    for start_s, _ in taken:
        assert sum(amount for at_s, amount in taken if 0 <= at_s - start_s < 60) <= LIMIT


@given(STEPS, st.integers(1, LIMIT))
def test_after_the_wait_there_is_enough(steps: list[tuple[float, int]], amount: int) -> None:
    window, now_s = Window(), 0.0
    for pause_s, charged in steps:
        now_s += pause_s
        window.charge(charged, now_s)
    wait_s = window.wait_s(LIMIT, amount, now_s)
    assert (wait_s == 0) == (window.left(LIMIT, now_s) >= amount)
    assert wait_s <= 60.25
    assert window.left(LIMIT, now_s + wait_s + 1e-6) >= amount


def test_a_quiet_minute_gives_all_back() -> None:
    window = Window()
    window.charge(25, now_s=3)
    assert window.left(LIMIT, now_s=62) == -15
    assert window.left(LIMIT, now_s=63.5) == LIMIT
