"""The running application, as Ray sees it."""

import logging
from typing import Any


def handle(application: str, deployment: str) -> Any:
    """A Serve handle of one of its deployments; connects to Ray, quietly."""
    import ray
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    return serve.get_deployment_handle(deployment, application)
