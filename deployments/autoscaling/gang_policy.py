"""The autoscaling policy of gangs, which Serve's controller calls; the scaler decides.

Serve hands a policy what the running replicas of its own deployment report. So each rank passes on
how many gangs the scaler wants, and the latest decision counts. With no gang there is no report,
and Serve itself starts a gang: a router that has requests and no rank calls the deployment, and
the call waits for a replica.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

GANGS = "gangs"
DECIDED_S = "decided_s"


class Wanted(NamedTuple):
    """How many gangs are wanted, and when that was decided, by the scaler's clock."""

    decided_s: float
    gangs: int

    def stats(self) -> dict[str, float]:
        """Return the figures in the form that Serve takes from a replica."""
        return {GANGS: self.gangs, DECIDED_S: self.decided_s}


class Sample(Protocol):
    @property
    def value(self) -> float: ...


class Context(Protocol):
    """The part of Serve's AutoscalingContext that is used. Read from Ray 2.60."""

    @property
    def target_num_replicas(self) -> int: ...

    @property
    def policy_state(self) -> dict[str, Any]: ...

    @property
    def raw_metrics(self) -> Mapping[str, Mapping[Any, Sequence[Sample]]] | None: ...


class GangPolicy:
    """Asks for `gangs × ranks` replicas, or while no decision is known, for Serve's own target."""

    def __init__(self, ranks: int) -> None:
        self._ranks = ranks

    def __call__(self, context: Context) -> tuple[int, dict[str, Any]]:
        latest = newest(context.raw_metrics or {})
        if latest is None:
            return context.target_num_replicas, {}
        # The latest decision may end the rank that reported it, before other ranks hear of it.
        before = context.policy_state.get("wanted", latest)
        wanted = max(latest, before)
        return wanted.gangs * self._ranks, {"wanted": wanted}


def newest(metrics: Mapping[str, Mapping[Any, Sequence[Sample]]]) -> Wanted | None:
    """Return the latest decision that any rank has passed on; None without one."""
    gangs = metrics.get(GANGS, {})
    decisions = [
        Wanted(series[-1].value, int(gangs[replica][-1].value))
        for replica, series in metrics.get(DECIDED_S, {}).items()
        if series and gangs.get(replica)
    ]
    return max(decisions, default=None)
