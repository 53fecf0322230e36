"""Plays one fault: hit, wait, heal, wait until the deployment is whole."""

import contextlib
import time

import psutil

from configs.errors import BenchError
from deployments.chaos.inflict import Inflicted, inflict
from deployments.chaos.kind import Way
from deployments.chaos.look import Shape
from deployments.chaos.observer import Observer
from deployments.chaos.outcome import Played
from deployments.chaos.schedule import Fault
from deployments.chaos.watch import Watch

_GONE_S = 30.0


def play(fault: Fault, shape: Shape, patience_s: float, observer: Observer, watch: Watch) -> Played:
    """Play a fault on a deployment that is whole; return once it is whole again, or isn't in time.

    What is stopped for good and not ended in time by the system is killed.
    """
    time.sleep(fault.wait_s)
    look = watch.look(lambda look: look.whole(shape), time.time(), patience_s)
    processes = observer.processes()
    began_s = time.time()
    inflicted = inflict(fault.kind, fault.target, look, processes)
    played = Played(fault.number, fault.kind, inflicted.hit, began_s)
    if fault.kind.way is Way.KILL:
        psutil.wait_procs(_living(inflicted), timeout=_GONE_S)
        played.gone_s = time.time()
    try:
        if fault.lasts_s is not None:
            time.sleep(fault.lasts_s)
    finally:
        if fault.lasts_s is not None or fault.kind.way is Way.KILL:
            inflicted.heal()
    played.healed_s = time.time() if fault.lasts_s is not None else None
    if not _whole(played, inflicted, shape, patience_s, watch) and fault.kind.way is Way.STOP:
        played.ended_by_force = _kill(inflicted)
        _whole(played, inflicted, shape, patience_s, watch)
    return played


def _whole(
    played: Played, inflicted: Inflicted, shape: Shape, patience_s: float, watch: Watch
) -> bool:
    """Wait until the deployment is whole, in a look that began after the fault has healed."""
    after_s = played.healed_s or played.began_s
    try:
        whole = watch.look(lambda look: look.whole(shape, inflicted.victims), after_s, patience_s)
    except BenchError:
        played.message = "; ".join(watch.looks[-1].lacks(shape, inflicted.victims))
        return False
    played.whole_s = whole.at_s
    return True


def _kill(inflicted: Inflicted) -> bool:
    """Kill those victims that still live; return True if there were any."""
    living = _living(inflicted)
    for process in living:
        process.kill()
    psutil.wait_procs(living, timeout=_GONE_S)
    return bool(living)


def _living(inflicted: Inflicted) -> list[psutil.Process]:
    living = []
    for pid, began_s in inflicted.victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() == began_s and process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
    return living
