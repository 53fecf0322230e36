"""Handles of the running application's deployments."""

import logging
from typing import Any


def handle(application: str, deployment: str) -> Any:
    """Return a Serve handle of one of the application's deployments; connect to Ray, quietly."""
    import ray
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    return serve.get_deployment_handle(deployment, application)
