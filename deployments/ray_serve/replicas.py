"""How many replicas Serve keeps, where a policy of ours says so."""

from typing import Any

from ray.serve.config import AutoscalingConfig, AutoscalingPolicy


def scaled(
    policy: type,
    told: dict[str, Any],
    bounds: tuple[int, int],
    delays_s: tuple[float, float] = (0, 0),
) -> dict[str, Any]:
    """Options of a deployment; Serve's controller makes a `policy` of what it is `told`.

    `delays_s` are Serve's own, before there are more and before there are fewer.
    """
    config = AutoscalingConfig(
        min_replicas=bounds[0],
        max_replicas=bounds[1],
        upscale_delay_s=delays_s[0],
        downscale_delay_s=delays_s[1],
        look_back_period_s=5,  # its fifth is how often a replica is asked what the policy goes by
        policy=AutoscalingPolicy(
            policy_function=f"{policy.__module__}:{policy.__name__}", policy_kwargs=told
        ),
    )
    return {"autoscaling_config": config}
