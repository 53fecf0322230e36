"""The autoscaling policy of routers, by their own load; Serve's controller calls it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from configs.router_scaling import RouterScaling
from deployments.autoscaling.gang_policy import Context


@dataclass(frozen=True, slots=True)
class RouterLoad:
    """Recent load of one router."""

    streams: float  # open requests
    cpu: float  # cores
    lag_s: float  # of its event loop

    def stats(self) -> dict[str, float]:
        """Return the figures in the form that Serve takes from a replica."""
        return asdict(self)


def wanted(loads: Sequence[RouterLoad], config: RouterScaling) -> float:
    """Return how many routers the load needs.

    Streams and CPU spread over more routers. Late event loops say only that there are too few.
    """
    enough = max(
        sum(load.streams for load in loads) / config.streams,
        sum(load.cpu for load in loads) / config.cpu,
    )
    late = sum(load.lag_s for load in loads) > config.lag_s * len(loads)
    return max(enough, len(loads) + 1) if late else enough


class RouterPolicy:
    """Says how many routers there should be; Serve waits `up_s` or `down_s` before it acts."""

    def __init__(self, **config: Any) -> None:
        self._config = RouterScaling.model_validate(config)

    def __call__(self, context: Context) -> tuple[float, dict[str, Any]]:
        loads = list(_loads(context))
        if not loads:
            return context.target_num_replicas, {}
        return max(1.0, wanted(loads, self._config)), {}


def _loads(context: Context) -> Iterable[RouterLoad]:
    """Yield the loads of routers that have reported; Serve keeps each figure by itself."""
    metrics = context.raw_metrics or {}
    names = [field.name for field in fields(RouterLoad)]
    for replica in metrics.get("streams", {}):
        series = [metrics.get(name, {}).get(replica) for name in names]
        latest = [samples[-1].value for samples in series if samples]
        if len(latest) == len(names):
            yield RouterLoad(*latest)
