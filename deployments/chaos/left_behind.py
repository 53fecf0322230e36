"""What is left of a run's requests and of the processes that faults ended, once all is quiet."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import psutil

from deployments.chaos.kind import Role
from deployments.chaos.look import Look, Shape

_HALF_CLOSED = {psutil.CONN_CLOSE_WAIT, psutil.CONN_FIN_WAIT1, psutil.CONN_LAST_ACK}


def too_many(look: Look, shape: Shape) -> list[str]:
    """Return what a look shows beyond what a quiet deployment of this shape has."""
    ranks = shape.gangs * shape.ranks
    most = {
        Role.ENGINE: ranks,
        Role.SHARD: ranks,
        Role.ROUTER: shape.routers,
        Role.CONTROLLER: 1,
        Role.ROSTER: 1,
        Role.QUOTAS: 1,
        Role.HAPROXY: 1,
    }
    left = [
        f"{len(found)} processes of role {role}, not {number}"
        for role, number in most.items()
        if len(found := look.pids(role)) > number
    ]
    return left + ([f"{look.requests} requests at ranks"] if look.requests else [])


def quotas_left(held: Mapping[str, int] | None) -> list[str]:
    """Return the keys that still have open requests, by what the quota service has of them."""
    if held is None:
        return ["the quota service gives no answer"]
    return [f"{number} streams of key {name}" for name, number in held.items() if number]


def processes_left(members: Iterable[psutil.Process], head: int) -> list[str]:
    """Return zombies, and processes whose parent is gone, of a deployment's processes."""
    living = list(members)
    pids = {process.pid for process in living}
    left = []
    for process in living:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                left.append(f"zombie {process.name()} ({process.pid})")
            elif process.pid != head and process.ppid() not in pids:
                left.append(f"orphan {process.name()} ({process.pid})")
    return left


def sockets_left(processes: dict[Role, list[psutil.Process]], port: int) -> list[str]:
    """Return connections that are half closed, or still open at the clients' port."""
    counts: Counter[str] = Counter()
    for role in (Role.ROUTER, Role.SHARD, Role.HAPROXY):
        for status, here in _connections(processes[role]):
            if status in _HALF_CLOSED or (status == psutil.CONN_ESTABLISHED and here == port):
                counts[f"{role} {status}, port {here if here == port else 'inside'}"] += 1
    return [f"{number} sockets: {what}" for what, number in counts.items()]


def _connections(processes: Iterable[psutil.Process]) -> Iterator[tuple[str, int]]:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                yield connection.status, connection.laddr.port
