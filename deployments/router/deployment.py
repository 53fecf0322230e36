"""The Serve deployment of all routers, and how many there are."""

from typing import Any

from ray import serve

from configs.deployment import Deployment, Routers
from deployments.autoscaling.router_policy import RouterPolicy
from deployments.ray_serve.replicas import scaled
from deployments.router.router import Router


def router_deployment(deployment: Deployment) -> Any:
    """Make the deployment to bind a Router's arguments to."""
    routers = deployment.routers
    return serve.deployment(
        serve.ingress()(Router),
        name="Router",
        **_replicas(routers),
        max_ongoing_requests=routers.max_streams,
        ray_actor_options=_actor_options(routers),
        health_check_period_s=5,
        health_check_timeout_s=deployment.survival.silence_s,
        graceful_shutdown_timeout_s=deployment.router_drain_s,
    )


def _actor_options(routers: Routers) -> dict[str, Any]:
    # Only Ray's head has the resource of this name, and has one of it.
    head = {"resources": {"node:__internal_head__": 0.001}} if routers.on_head else {}
    return routers.resources.model_dump() | head


def _replicas(routers: Routers) -> dict[str, Any]:
    if (scaling := routers.autoscaling) is None:
        return {"num_replicas": routers.count}
    return scaled(
        RouterPolicy,
        scaling.model_dump(),
        bounds=(scaling.min_routers, scaling.max_routers),
        delays_s=(scaling.up_s, scaling.down_s),
    )
