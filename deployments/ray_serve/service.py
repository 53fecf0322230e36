"""Serve deployments with one replica for a whole application: roster, scaler, quotas."""

from typing import Any


def service(of: type, name: str, calls: int) -> Any:
    """Make a deployment of class `of` with one replica.

    It takes so many `calls` at once, for all ranks and routers make calls all the time.
    """
    from ray import serve

    return serve.deployment(
        of,
        name=name,
        num_replicas=1,
        max_ongoing_requests=calls,
        ray_actor_options={"num_cpus": 0},
        logging_config={"enable_access_log": False},  # a line for every call otherwise
    )
