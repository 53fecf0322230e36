"""Looks at a running deployment: Serve's status, the roster, and its processes."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httpx
import psutil

from configs.errors import BenchError, Small4Error
from deployments.bench.family import Family
from deployments.chaos.kind import Role
from deployments.chaos.look import Look, Process, Rank
from deployments.ray_serve.handle import handle
from deployments.ray_serve.rest_api import ServeApi
from deployments.wire.rank_entry import RankEntry

_ROSTER_S = 5.0
_QUOTAS_S = 60.0  # it may have been ended a moment ago
_HEALTH_S = 3.0
# How the processes of each role call themselves.
_TITLES = {
    Role.ENGINE: "VLLM::EngineCore",
    Role.WORKER: "VLLM::Worker",
    Role.SHARD: "ray::ServeReplica:small4:ExpertShard",
    Role.ROUTER: "ray::ServeReplica:small4:Router",
    Role.ROSTER: "ray::ServeReplica:small4:Roster",
    Role.QUOTAS: "ray::ServeReplica:small4:Quotas",
    Role.CONTROLLER: "ray::ServeController",
}


class Observer:
    """Looks at the deployment whose Ray is process `ray`."""

    def __init__(self, ray: int, url: str, application: str = "small4") -> None:
        self.family = Family(ray)
        self._url = url
        self._application = application
        self._api = ServeApi()
        self._roster = handle(application, "Roster")
        self._quotas = handle(application, "Quotas")

    def look(self) -> Look:
        """Look once; what doesn't answer counts as not there."""
        at_s = time.time()
        status, missing = self._status()
        entries = self._entries()
        processes = self.processes()
        ranks = None if entries is None else tuple(map(_rank, entries))
        ports = {rank.port for rank in ranks or ()}
        return Look(
            at_s=at_s,
            status=status,
            missing=missing,
            ranks=ranks,
            processes={role: frozenset(map(identity, of)) for role, of in processes.items()},
            links=frozenset(_links(processes[Role.ROUTER], ports)),
            answers=self._answers(),
            requests=sum(entry.requests for entry in entries or ()),
        )

    def streams_held(self) -> dict[str, int] | None:
        """Return the streams that count against a key's limit, by its name; None without answer."""
        try:
            held: dict[str, int] = self._quotas.held.remote().result(timeout_s=_QUOTAS_S)
        except Exception:  # whatever Serve raises while the service or the controller is gone
            return None
        return held

    def processes(self) -> dict[Role, list[psutil.Process]]:
        """Return the living processes by role, oldest first."""
        found: dict[Role, list[psutil.Process]] = {role: [] for role in (*_TITLES, Role.HAPROXY)}
        for process in sorted(self.family.members(), key=lambda process: process.create_time()):
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and (role := _role(process)):
                    found[role].append(process)
        return found

    def _status(self) -> tuple[str | None, int]:
        with contextlib.suppress(Small4Error):
            if (state := self._api.status(self._application)) is not None:
                missing = (max(0, one.wanted - one.running) for one in state.deployments)
                return state.status, sum(missing)
        return None, 0

    def _entries(self) -> list[RankEntry] | None:
        try:
            entries: list[RankEntry] = self._roster.living.remote().result(timeout_s=_ROSTER_S)
        except Exception:  # whatever Serve raises while the roster or the controller is gone
            return None
        return entries

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            url = f"{self._url}/health"
            return httpx.get(url, timeout=_HEALTH_S, trust_env=False).is_success
        return False


def identity(process: psutil.Process) -> Process:
    return process.pid, process.create_time()


def _rank(entry: RankEntry) -> Rank:
    port = urlsplit(entry.endpoint).port
    if port is None:
        raise BenchError(f"the endpoint of a rank has no port: {entry.endpoint}")
    return Rank(entry.gang, entry.rank, entry.engine_pid, port)


def _role(process: psutil.Process) -> Role | None:
    command = process.cmdline()
    title = command[0] if command else ""
    if process.name() == "haproxy" and any("haproxy-serve" in word for word in command):
        return Role.HAPROXY
    return next((role for role, start in _TITLES.items() if title.startswith(start)), None)


def _links(routers: Iterable[psutil.Process], ports: set[int]) -> Iterator[tuple[int, int]]:
    for router in routers:
        with contextlib.suppress(psutil.Error):
            for connection in router.net_connections("tcp"):
                there = connection.raddr.port if connection.raddr else None
                if there in ports and connection.status == psutil.CONN_ESTABLISHED:
                    yield router.pid, there
