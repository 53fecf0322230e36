"""Carries out a fault on a running deployment, and heals it."""

import contextlib
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from deployments.chaos import network
from deployments.chaos.disk import Ballast
from deployments.chaos.kind import Kind, Role, Way
from deployments.chaos.look import Look, Process
from deployments.chaos.observer import identity
from deployments.chaos.sandbox import TEMPORARY

Processes = dict[Role, list[psutil.Process]]
_STOPPED_S, _RUNNING_S = 0.2, 0.05  # of a process that is slowed


@dataclass(frozen=True, slots=True)
class Inflicted:
    """A fault that is in effect: what it hit, which processes must end by it, how it is healed."""

    hit: str
    victims: frozenset[Process]
    heal: Callable[[], None]


def possible(kind: Kind, processes: Processes) -> bool:
    """Tell whether the deployment has what this kind hits."""
    return kind.role in (Role.RANK, Role.DISK, Role.ALL_ENGINES) or bool(processes[kind.role])


def inflict(kind: Kind, target: int, look: Look, processes: Processes) -> Inflicted:
    """Hit what `target` chooses, modulo how many there are."""
    if kind.role is Role.DISK:
        ballast = Ballast(TEMPORARY)
        ballast.fill()
        return Inflicted("the disk of logs", frozenset(), ballast.remove)
    if kind.role is Role.RANK:
        ranks = look.ranks or ()
        rank = ranks[target % len(ranks)]
        network.cut(kind.way, rank.port)
        return Inflicted(f"rank {rank.rank} of gang {rank.gang}", frozenset(), network.heal)
    victims = _victims(kind.role, target, processes)
    hit = ", ".join(f"process {victim.pid}" for victim in victims)
    must_go = victims if kind.ends_processes else []
    return Inflicted(hit, frozenset(map(identity, must_go)), _hit(kind.way, victims))


def _victims(role: Role, target: int, processes: Processes) -> list[psutil.Process]:
    if role is Role.ALL_ENGINES:
        return list(processes[Role.ENGINE])
    if role is Role.HAPROXY:
        return list(processes[role])  # after a reload, an older process has old connections
    return [processes[role][target % len(processes[role])]]


def _hit(way: Way, victims: list[psutil.Process]) -> Callable[[], None]:
    """Send what the way asks for; return what undoes it."""
    if way is Way.SLOW:
        return _slowed(victims)
    _send(victims, signal.SIGKILL if way is Way.KILL else signal.SIGSTOP)
    return lambda: _send(victims, signal.SIGCONT)


def _slowed(victims: list[psutil.Process]) -> Callable[[], None]:
    """Let processes run for a part of the time; return what ends that."""
    over = threading.Event()

    def alternate() -> None:
        while not over.is_set():
            _send(victims, signal.SIGSTOP)
            over.wait(_STOPPED_S)
            _send(victims, signal.SIGCONT)
            over.wait(_RUNNING_S)

    thread = threading.Thread(target=alternate, daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


def _send(victims: list[psutil.Process], number: int) -> None:
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(number)
