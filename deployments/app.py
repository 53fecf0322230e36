"""Builds the Serve application: `import_path: deployments.app:build` in a Serve config file."""

from ray.serve import Application

from configs.deployment import Deployment
from deployments.access.quotas import QuotaService
from deployments.autoscaling.scaler import ScalerService
from deployments.ray_serve.service import service
from deployments.roster import RosterService
from deployments.router.deployment import router_deployment
from deployments.router.router import Router
from deployments.shard.deployment import shard_deployment


def build(deployment: Deployment) -> Application:
    """Serve calls this with the config's `args`, and refuses what isn't a Deployment."""
    return application(deployment, Router)


def application(deployment: Deployment, router: type[Router]) -> Application:
    """Everything that the deployment is made of, with routers of this class."""
    roster = service(RosterService, "Roster", calls=10_000).bind()  # long polls, too
    autoscaling = deployment.gangs.autoscaling
    scaler = service(ScalerService, "Scaler", calls=1000).bind(autoscaling) if autoscaling else None
    shards = shard_deployment(deployment).bind(deployment, roster, scaler)
    keyed = deployment.access.keyed
    quotas = service(QuotaService, "Quotas", calls=1000).bind() if keyed else None
    whole: Application = router_deployment(deployment, router).bind(
        deployment, roster, quotas, scaler, shards
    )
    return whole
