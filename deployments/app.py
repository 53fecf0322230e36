"""Builds the Serve application: `import_path: deployments.app:build` in a Serve config file."""

from ray.serve import Application

from configs.deployment import Deployment
from deployments.access.quotas import QuotaService
from deployments.autoscaling.scaler import ScalerService
from deployments.ray_serve.service import service
from deployments.roster import RosterService
from deployments.router.deployment import router_deployment
from deployments.router.guard import KeyGuard
from deployments.router.router import Parts
from deployments.router.scaler_line import ScalerLine
from deployments.router.successor import RosterSuccessor
from deployments.scheduling.routing import Routing, least_loaded_rank
from deployments.shard.deployment import shard_deployment


def build(deployment: Deployment) -> Application:
    """Make the application; Serve calls this with the config's `args`, refusing what is invalid."""
    return application(deployment, least_loaded_rank)


def application(deployment: Deployment, route: Routing) -> Application:
    """Make everything that a deployment consists of, with routers that choose ranks by `route`."""
    roster = service(RosterService, "Roster", calls=10_000).bind()  # long polls, too
    autoscaling = deployment.gangs.autoscaling
    scaler = service(ScalerService, "Scaler", calls=1000).bind(autoscaling) if autoscaling else None
    shards = shard_deployment(deployment).bind(deployment, roster, scaler)
    keyed = deployment.access.keyed
    quotas = service(QuotaService, "Quotas", calls=1000).bind() if keyed else None
    # Serve finds what is bound inside of these, and hands over handles.
    line = ScalerLine(scaler, shards)
    parts = Parts(KeyGuard(deployment, quotas), line, RosterSuccessor(roster))
    whole: Application = router_deployment(deployment).bind(deployment, roster, parts, route)
    return whole
