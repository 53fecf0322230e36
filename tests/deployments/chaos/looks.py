"""Looks at a deployment of two gangs of one rank and one router, made by hand."""

from dataclasses import replace

from deployments.chaos.kind import Role
from deployments.chaos.look import Look, Rank, Shape

SHAPE = Shape(gangs=2, ranks=1, routers=1)
RANKS = (Rank("a", 0, 11, 5001), Rank("b", 0, 12, 5002))
WHOLE = Look(
    at_s=0.0,
    status="RUNNING",
    missing=0,
    ranks=RANKS,
    processes={
        Role.ENGINE: frozenset({(11, 1.0), (12, 1.0)}),
        Role.SHARD: frozenset({(31, 1.0), (32, 1.0)}),
        Role.ROUTER: frozenset({(21, 1.0)}),
        Role.ROSTER: frozenset({(22, 1.0)}),
        Role.CONTROLLER: frozenset({(23, 1.0)}),
        Role.HAPROXY: frozenset({(24, 1.0)}),
    },
    links=frozenset({(21, 5001), (21, 5002)}),
    answers=True,
)


def without(role: Role, look: Look = WHOLE) -> Look:
    return replace(look, processes={**look.processes, role: frozenset()})


def restarted(role: Role, look: Look = WHOLE) -> Look:
    """Return a look at which the processes of a role are others."""
    others = frozenset((pid + 100, began_s + 1) for pid, began_s in look.processes[role])
    return replace(look, processes={**look.processes, role: others})
