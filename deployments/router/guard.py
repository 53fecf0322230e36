"""Decides who may reach a router: holders of keys, or without keys, as a rule, this machine."""

import logging
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from ray import serve

from configs.deployment import Deployment
from configs.exposure import refuse_to_expose
from deployments.ray_serve.host import listening_host

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class KeyGuard:
    """Lets in requests with a valid key, and no more of them than the key may send.

    `quotas` is a Serve handle, None for a deployment without keys.
    """

    deployment: Deployment
    quotas: Any | None

    def check(self) -> None:
        """Raise ConfigError where others could reach a deployment without keys."""
        refuse_to_expose(self.deployment.access, listening_host())

    def install(self, app: FastAPI) -> None:
        """Put the gate before the application; must be called in its event loop."""
        from deployments.access.allowances import Allowances
        from deployments.access.key_ring import KeyRing
        from deployments.front_end.middleware.gate import Gate

        deployment = self.deployment
        if not deployment.access.keyed:
            logger.warning("no keys are set: whoever reaches this deployment may use it")
            return
        replica = str(serve.get_replica_context().replica_id)
        allowances = Allowances(self.quotas, replica, deployment.routers.most)
        ring = KeyRing(deployment.access)
        app.add_middleware(Gate, ring=ring, allowances=allowances, model=deployment.model.name)
