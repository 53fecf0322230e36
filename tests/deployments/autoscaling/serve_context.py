"""A stand-in for the context that Serve's controller hands to a policy."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    value: float


@dataclass
class Context:
    """Context with the attributes of Serve's that policies use.

    `metrics` has, by name and then by replica, each reported value in order.
    """

    target_num_replicas: int
    metrics: dict[str, dict[str, list[float]]] | None = field(default_factory=dict)
    config: Any = None
    policy_state: dict[str, Any] = field(default_factory=dict)
    total_num_requests: float = 0

    @property
    def current_num_replicas(self) -> int:
        return self.target_num_replicas

    @property
    def raw_metrics(self) -> Any:
        return self.metrics and {
            name: {replica: [*map(Sample, values)] for replica, values in by_replica.items()}
            for name, by_replica in self.metrics.items()
        }
