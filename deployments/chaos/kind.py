"""The kinds of faults: what is hit, and how."""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How something is hit."""

    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGSTOP for good: the system must end the process itself
    PAUSE = "pause"  # SIGSTOP, and SIGCONT a little later
    SLOW = "slow"  # stopped and continued many times a second
    CUT = "cut"  # packets are dropped both ways, without a reset
    CUT_TO = "cut-to"  # only those towards it
    CUT_FROM = "cut-from"
    TRICKLE = "trickle"  # packets beyond a small rate are dropped
    FILL = "fill"


class Role(StrEnum):
    """What is hit."""

    ENGINE = "engine"
    ALL_ENGINES = "all-engines"
    WORKER = "worker"
    SHARD = "shard"
    ROUTER = "router"
    CONTROLLER = "controller"
    ROSTER = "roster"
    QUOTAS = "quotas"
    HAPROXY = "haproxy"
    RANK = "rank"  # the way between all routers and one rank
    DISK = "disk"


# Seconds that a fault lasts, the least and the most; ways that aren't named here last for ever.
LASTS_S = {
    Way.PAUSE: (1.0, 5.0),
    Way.SLOW: (8.0, 15.0),
    Way.CUT: (4.0, 20.0),
    Way.CUT_TO: (4.0, 20.0),
    Way.CUT_FROM: (4.0, 20.0),
    Way.TRICKLE: (8.0, 15.0),
    Way.FILL: (8.0, 15.0),
}


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of fault, such as `kill-engine`."""

    way: Way
    role: Role

    def __str__(self) -> str:
        return f"{self.way}-{self.role}"

    @property
    def ends_processes(self) -> bool:
        """Whether what is hit must be gone before the deployment is whole again."""
        return self.way in (Way.KILL, Way.STOP)

    @property
    def cuts_clients(self) -> bool:
        """Whether connections of clients end or hang with what is hit."""
        return self.role in (Role.ROUTER, Role.HAPROXY) and self.ends_processes


_HIT = {
    Way.KILL: (
        *(Role.ENGINE, Role.ALL_ENGINES, Role.WORKER, Role.SHARD, Role.ROUTER, Role.CONTROLLER),
        *(Role.ROSTER, Role.QUOTAS, Role.HAPROXY),
    ),
    Way.STOP: (Role.ENGINE, Role.WORKER, Role.SHARD, Role.ROUTER),
    Way.PAUSE: (Role.ENGINE, Role.SHARD, Role.ROUTER),
    Way.SLOW: (Role.ENGINE,),
    Way.CUT: (Role.RANK,),
    Way.CUT_TO: (Role.RANK,),
    Way.CUT_FROM: (Role.RANK,),
    Way.TRICKLE: (Role.RANK,),
    Way.FILL: (Role.DISK,),
}
KINDS = tuple(Kind(way, role) for way, roles in _HIT.items() for role in roles)
