"""How many replicas the policy asks for, by the scaler's decisions that ranks pass on."""

from typing import Any

import pytest
from ray.serve._private.gang_scheduling_autoscaling_policy import GangSchedulingAutoscalingPolicy
from ray.serve.autoscaling_policy import _apply_autoscaling_config
from ray.serve.config import AutoscalingConfig

from deployments.autoscaling.gang_policy import GangPolicy
from tests.deployments.autoscaling.serve_context import Context

Metrics = dict[str, dict[str, list[float]]]


def test_the_latest_decision_counts_whoever_passes_it_on() -> None:
    metrics = {
        "gangs": {"a": [1.0, 3.0], "b": [3.0, 2.0], "c": [9.0]},
        "decided_s": {"a": [10.0, 11.0], "b": [11.0, 12.0], "c": [5.0]},
    }
    assert GangPolicy(ranks=4)(Context(4, metrics))[0] == 8


def test_a_decision_stands_when_the_rank_that_brought_it_goes_first() -> None:
    policy = GangPolicy(ranks=1)
    both: Metrics = {"gangs": {"a": [1.0], "b": [2.0]}, "decided_s": {"a": [9.0], "b": [8.0]}}
    replicas, state = policy(Context(2, both))
    assert replicas == 1
    left: Metrics = {"gangs": {"b": [2.0]}, "decided_s": {"b": [8.0]}}
    assert policy(Context(1, left, policy_state=state))[0] == 1
    later: Metrics = {"gangs": {"b": [2.0]}, "decided_s": {"b": [10.0]}}
    assert policy(Context(1, later, policy_state=state))[0] == 2


@pytest.mark.parametrize(
    "metrics",
    [None, {}, {"gangs": {"a": []}, "decided_s": {"a": []}}, {"gangs": {"a": [2.0]}}],
)
def test_without_a_decision_nothing_changes(metrics: Metrics) -> None:
    assert GangPolicy(ranks=4)(Context(8, metrics)) == (8, {})


@pytest.mark.parametrize(("target", "gangs", "then"), [(2, 0, 0), (4, 0, 2), (2, 3, 6), (4, 1, 2)])
def test_serves_own_wrappers_keep_to_it(target: int, gangs: int, then: int) -> None:
    """On the way from two gangs to none, Serve stops at one."""
    config = AutoscalingConfig(
        min_replicas=0, max_replicas=6, upscale_delay_s=0, downscale_delay_s=0
    )
    policy = GangSchedulingAutoscalingPolicy(_apply_autoscaling_config(GangPolicy(ranks=2)), 2)
    metrics: Metrics = {
        "gangs": {"a": [gangs]},
        "decided_s": {"a": [1.0]},
    }
    context: Any = Context(target, metrics, config)
    assert policy(context)[0] == then
