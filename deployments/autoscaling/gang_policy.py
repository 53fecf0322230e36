"""The autoscaling policy that Serve's controller calls; what it goes by is decided elsewhere.

Serve hands a policy what the running replicas of its own deployment report. So each rank passes on
how many gangs the scaler wants, and the newest word counts. From zero, where nobody reports, Serve
itself starts a gang: a router that has requests and no rank calls the deployment, and that waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

GANGS = "gangs"
DECIDED_S = "decided_s"


class Wanted(NamedTuple):
    """So many gangs, and when that was decided, by the scaler's clock."""

    decided_s: float
    gangs: int

    def stats(self) -> dict[str, float]:
        """As Serve takes it from a replica."""
        return {GANGS: self.gangs, DECIDED_S: self.decided_s}


class Sample(Protocol):
    @property
    def value(self) -> float: ...


class Context(Protocol):
    """What is used of Serve's AutoscalingContext. Read from Ray 2.60."""

    @property
    def target_num_replicas(self) -> int: ...

    @property
    def policy_state(self) -> dict[str, Any]: ...

    @property
    def raw_metrics(self) -> Mapping[str, Mapping[Any, Sequence[Sample]]] | None: ...


class GangPolicy:
    """`gangs × ranks` replicas, or as many as there should be already while nobody knows better."""

    def __init__(self, ranks: int) -> None:
        self._ranks = ranks

    def __call__(self, context: Context) -> tuple[int, dict[str, Any]]:
        heard = newest(context.raw_metrics or {})
        if heard is None:
            return context.target_num_replicas, {}
        # A rank that brought the last word may go by it, and the others not have heard it yet.
        before = context.policy_state.get("wanted", heard)
        wanted = max(heard, before)
        return wanted.gangs * self._ranks, {"wanted": wanted}


def newest(metrics: Mapping[str, Mapping[Any, Sequence[Sample]]]) -> Wanted | None:
    """The latest decision that any rank has passed on."""
    gangs = metrics.get(GANGS, {})
    heard = [
        Wanted(series[-1].value, int(gangs[replica][-1].value))
        for replica, series in metrics.get(DECIDED_S, {}).items()
        if series and gangs.get(replica)
    ]
    return max(heard, default=None)
