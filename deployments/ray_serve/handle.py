"""Handles of the running application's deployments."""

import logging
from typing import Any

from configs.errors import ClusterError

_ANSWER_S = 30


def handle(application: str, deployment: str) -> Any:
    """Return a Serve handle of one of the application's deployments; connect to Ray, quietly."""
    import ray
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    return serve.get_deployment_handle(deployment, application)


def asked(application: str, deployment: str, method: str) -> Any:
    """Call a method of a deployment and return its answer.

    Raises ClusterError if it doesn't answer within 30 s, or fails.
    """
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    try:
        asking = handle(application, deployment)
        return getattr(asking, method).remote().result(timeout_s=_ANSWER_S)
    except (RayError, RayServeException, TimeoutError, ConnectionError) as error:
        raise ClusterError(
            f"{deployment} of {application!r} doesn't answer: {error!r:.300}. "
            "It may be starting: try again."
        ) from error
