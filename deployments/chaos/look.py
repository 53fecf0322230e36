"""What runs of a deployment at one moment, and whether it is whole: plain data."""

from dataclasses import dataclass, field

from deployments.chaos.kind import Role

Process = tuple[int, float]  # id, and when it began: ids are used again
# Whose processes show that Serve has noticed, when they are others.
_SHOWN = (Role.CONTROLLER, Role.ROSTER, Role.QUOTAS, Role.ROUTER, Role.HAPROXY)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many gangs, ranks in each, and routers there should be."""

    gangs: int
    ranks: int
    routers: int


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank as the roster has it, with the port where routers reach it."""

    gang: str
    rank: int
    engine: int  # process id
    port: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the deployment."""

    at_s: float
    status: str | None  # Serve's, of the application; None if it doesn't answer
    missing: int  # replicas that should run and don't
    ranks: tuple[Rank, ...] | None  # None if the roster doesn't answer
    processes: dict[Role, frozenset[Process]] = field(default_factory=dict)  # those that live
    links: frozenset[tuple[int, int]] = frozenset()  # router's id, rank's port
    answers: bool = False  # whether `/health` does, through HAProxy
    requests: int = 0  # at all ranks

    def pids(self, role: Role) -> set[int]:
        return {pid for pid, _ in self.processes.get(role, frozenset())}

    def whole(self, shape: Shape, victims: frozenset[Process] = frozenset()) -> bool:
        """Tell whether all is up, linked and answering, and no victim is left."""
        return not self.lacks(shape, victims)

    def lacks(self, shape: Shape, victims: frozenset[Process] = frozenset()) -> list[str]:
        """Return what keeps the deployment from being whole."""
        engines, routers = self.pids(Role.ENGINE), self.pids(Role.ROUTER)
        living = frozenset().union(*self.processes.values())
        ranks = self.ranks or ()
        wanted_links = {(router, rank.port) for router in routers for rank in ranks}
        gangs = {rank.gang for rank in ranks}
        found = {
            f"Serve says {self.status}": self.status != "RUNNING",
            "the roster doesn't answer": self.ranks is None,
            f"{self.missing} replicas aren't running": self.missing != 0,
            f"{len(gangs)} gangs": len(gangs) != shape.gangs,
            f"{len(ranks)} ranks": len(ranks) != shape.gangs * shape.ranks,
            "a rank's engine is dead": not {rank.engine for rank in ranks} <= engines,
            f"{len(routers)} routers": len(routers) != shape.routers,
            "a router isn't linked to every rank": not wanted_links <= self.links,
            "no controller": not self.pids(Role.CONTROLLER),
            "no HAProxy": not self.pids(Role.HAPROXY),
            "no answer": not self.answers,
            "what was hit still lives": bool(victims & living),
        }
        return [lack for lack, so in found.items() if so]

    def differs(self, before: "Look") -> bool:
        """Tell whether something shows a change since an earlier look; silence isn't a change."""
        status, earlier = (self.status, self.missing), (before.status, before.missing)
        return (
            (None not in (self.status, before.status) and status != earlier)
            or (None not in (self.ranks, before.ranks) and self.ranks != before.ranks)
            or any(self.pids(role) != before.pids(role) for role in _SHOWN)
        )
