"""Options of deployments whose number of replicas is decided by a policy of small4."""

from typing import Any

from ray.serve.config import AutoscalingConfig, AutoscalingPolicy


def scaled(
    policy: type,
    told: dict[str, Any],
    bounds: tuple[int, int],
    delays_s: tuple[float, float] = (0, 0),
) -> dict[str, Any]:
    """Return options of a deployment for which Serve's controller asks a `policy`.

    The controller makes the policy with `told` as keyword arguments. `bounds` are the fewest and
    the most replicas, `delays_s` Serve's own delays before it adds and before it ends replicas.
    """
    config = AutoscalingConfig(
        min_replicas=bounds[0],
        max_replicas=bounds[1],
        upscale_delay_s=delays_s[0],
        downscale_delay_s=delays_s[1],
        look_back_period_s=5,  # replicas are asked for their figures every fifth of it
        policy=AutoscalingPolicy(
            policy_function=f"{policy.__module__}:{policy.__name__}", policy_kwargs=told
        ),
    )
    return {"autoscaling_config": config}
