"""How many routers there should be, by their own load; Serve's controller calls it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from configs.router_scaling import RouterScaling
from deployments.autoscaling.gang_policy import Context


@dataclass(frozen=True, slots=True)
class RouterLoad:
    """One router, of late."""

    streams: float  # open requests
    cpu: float  # cores
    lag_s: float  # of its event loop

    def stats(self) -> dict[str, float]:
        """As Serve takes it from a replica."""
        return asdict(self)


def wanted(loads: Sequence[RouterLoad], config: RouterScaling) -> float:
    """Streams and CPU spread over more routers; a late loop says only that there are too few."""
    enough = max(
        sum(one.streams for one in loads) / config.streams,
        sum(one.cpu for one in loads) / config.cpu,
    )
    late = sum(one.lag_s for one in loads) > config.lag_s * len(loads)
    return max(enough, len(loads) + 1) if late else enough


class RouterPolicy:
    """Serve waits `up_s` and `down_s` before it does what this says."""

    def __init__(self, **config: Any) -> None:
        self._config = RouterScaling.model_validate(config)

    def __call__(self, context: Context) -> tuple[float, dict[str, Any]]:
        loads = list(_loads(context))
        if not loads:
            return context.target_num_replicas, {}
        return max(1.0, wanted(loads, self._config)), {}


def _loads(context: Context) -> Iterable[RouterLoad]:
    """Of routers that have reported; Serve keeps each figure by itself."""
    metrics = context.raw_metrics or {}
    names = [field.name for field in fields(RouterLoad)]
    for replica in metrics.get("streams", {}):
        series = [metrics.get(name, {}).get(replica) for name in names]
        latest = [one[-1].value for one in series if one]
        if len(latest) == len(names):
            yield RouterLoad(*latest)
