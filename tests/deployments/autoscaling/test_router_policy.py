"""How many routers there should be, by streams, CPU and a late event loop."""

import pytest

from configs.router_scaling import RouterScaling
from deployments.autoscaling.router_policy import RouterLoad, RouterPolicy, wanted
from tests.deployments.autoscaling.serve_context import Context

CONFIG = RouterScaling(streams=100, cpu=0.5, lag_s=0.05)


@pytest.mark.parametrize(
    ("loads", "routers"),
    [
        ([RouterLoad(0, 0, 0)], 0),
        ([RouterLoad(250, 0.1, 0)], 2.5),
        ([RouterLoad(10, 0.5, 0), RouterLoad(10, 1.0, 0)], 3),
        ([RouterLoad(10, 0.1, 0.06)], 2),  # late, and nothing else says why
        ([RouterLoad(10, 0.1, 0.06), RouterLoad(10, 0.1, 0.0)], 0.4),
        ([RouterLoad(500, 0.1, 0.06)], 5),
    ],
)
def test_the_scarcest_counts(loads: list[RouterLoad], routers: float) -> None:
    assert wanted(loads, CONFIG) == pytest.approx(routers)


def test_the_policy_goes_by_what_each_router_said_last() -> None:
    policy = RouterPolicy(**CONFIG.model_dump())
    a, b = RouterLoad(150, 0.1, 0), RouterLoad(140, 0.1, 0)
    metrics = {
        name: {"a": [0.0, value], "b": [b.stats()[name]], "just started": []}
        for name, value in a.stats().items()
    }
    assert policy(Context(2, metrics))[0] == pytest.approx(2.9)


@pytest.mark.parametrize("metrics", [None, {}, {"streams": {"a": [4.0]}}])
def test_without_reports_nothing_changes(metrics: dict[str, dict[str, list[float]]]) -> None:
    assert RouterPolicy(**CONFIG.model_dump())(Context(3, metrics)) == (3, {})


def test_idle_routers_leave_one() -> None:
    metrics = {name: {"a": [0.0]} for name in RouterLoad(0, 0, 0).stats()}
    assert RouterPolicy(**CONFIG.model_dump())(Context(1, metrics)) == (1, {})
