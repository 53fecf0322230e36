"""The Serve deployment of all gangs: their ranks, how they are placed, and how many there are."""

from typing import Any

from ray import serve
from ray.serve.config import GangSchedulingConfig

from configs.deployment import Deployment, Gangs
from deployments.autoscaling.gang_policy import GangPolicy
from deployments.ray_serve.replicas import scaled
from deployments.shard.shard import ExpertShard

_END_S = 30  # for an engine to end


def shard_deployment_name(ranks: int) -> str:
    # Serve doesn't change the size of a gang, but it replaces one deployment by another.
    return f"ExpertShardEP{ranks}"


def shard_deployment(deployment: Deployment) -> Any:
    gangs = deployment.gangs
    return serve.deployment(
        ExpertShard,
        name=shard_deployment_name(gangs.ranks),
        **_replicas(gangs),
        gang_scheduling_config=GangSchedulingConfig(
            gang_size=gangs.ranks, gang_placement_strategy=gangs.placement
        ),
        ray_actor_options=gangs.resources.model_dump(),
        health_check_period_s=1,
        # Three checks in a row must fail. An engine that is silent is found by its shard; this
        # finds a shard that is.
        health_check_timeout_s=deployment.survival.silence_s,
        graceful_shutdown_timeout_s=deployment.survival.drain_s + _END_S,
    )


def _replicas(gangs: Gangs) -> dict[str, Any]:
    """Return Serve's options for the number of replicas, without delays: the scaler has its own."""
    if (scaling := gangs.autoscaling) is None:
        return {"num_replicas": gangs.count * gangs.ranks}
    return scaled(
        GangPolicy,
        {"ranks": gangs.ranks},
        bounds=(scaling.min_gangs * gangs.ranks, scaling.max_gangs * gangs.ranks),
    )
