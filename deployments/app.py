"""Builds the Serve application: `import_path: deployments.app:build` in a Serve config file."""

from ray.serve import Application

from configs.deployment import Deployment
from deployments.access.quotas import quota_deployment
from deployments.roster import roster_deployment
from deployments.router.router import Router, router_deployment
from deployments.shard.shard import shard_deployment


def build(deployment: Deployment) -> Application:
    """Serve calls this with the config's `args`, and refuses what isn't a Deployment."""
    return application(deployment, Router)


def application(deployment: Deployment, router: type[Router]) -> Application:
    """Everything that the deployment is made of, with routers of this class."""
    roster = roster_deployment().bind()
    shards = shard_deployment(deployment).bind(deployment, roster)
    quotas = quota_deployment().bind() if deployment.access.keyed else None
    whole: Application = router_deployment(deployment, router).bind(
        deployment, roster, quotas, shards
    )
    return whole
