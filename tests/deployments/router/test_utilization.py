import pytest

from deployments.router.utilization import Utilization


def test_it_tends_to_what_it_sees_and_forgets() -> None:
    utilization = Utilization()
    for _ in range(300):
        utilization.look(elapsed_s=0.2, cpu_s=0.15)
    assert [utilization.cpu, utilization.lag_s] == pytest.approx([0.75, 0.1], rel=0.01)
    for _ in range(300):
        utilization.look(elapsed_s=0.1, cpu_s=0.0)
    assert (utilization.cpu, utilization.lag_s) == pytest.approx((0, 0), abs=0.01)


def test_a_router_is_never_more_than_busy() -> None:
    utilization = Utilization()
    for _ in range(300):
        utilization.look(elapsed_s=0.1, cpu_s=0.3)
    assert 0.9 < utilization.cpu < 1
