"""One run: deploy, learn the right answers, play the faults under traffic, see what is left."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.local_ray import LocalRay
from configs.errors import BenchError
from deployments.bench.local_config import local_config
from deployments.bench.served import Served
from deployments.chaos.inflict import possible
from deployments.chaos.kind import Kind
from deployments.chaos.left_behind import processes_left, quotas_left, sockets_left, too_many
from deployments.chaos.look import Shape
from deployments.chaos.observer import Observer
from deployments.chaos.outcome import Played, judge
from deployments.chaos.playing import play
from deployments.chaos.questions import Question, questions
from deployments.chaos.report import Run
from deployments.chaos.router_logs import read
from deployments.chaos.sandbox import TEMPORARY
from deployments.chaos.schedule import Fault, schedule
from deployments.chaos.traffic import Traffic, keys_file
from deployments.chaos.watch import Watch

_LOGS = TEMPORARY / "ray/session_latest/logs/serve"
_QUIET_S = 10.0  # after the last request, before what is left is counted
_LOOK_S = 60.0
_PORT = 8000


Step = Callable[[str], None]  # takes the name of a step that begins


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run plays."""

    seed: int
    faults: int
    shape: Shape
    kinds: Sequence[Kind]
    clients: int
    calm_s: float  # undisturbed traffic before the first fault
    stall_s: float  # how long a client waits without a token
    patience_s: float  # how long the deployment may take to be whole again
    last_s: float  # after the traffic's beginning no fault begins later
    workers: bool = False  # engines compute in processes of their own, as with tensor parallelism


def run(plan: Plan, left_out: dict[Kind, str], config: Path, step: Step) -> Run:
    """Play a plan on a deployment of its own; write its Serve config to `config`.

    Raises BenchError if it doesn't come up, or if undisturbed requests aren't answered alike.
    """
    keys = config.with_name("keys.yaml")
    keys.write_text(keys_file(plan.clients * plan.shape.routers), encoding="utf-8")
    raw = local_config()
    args = raw["applications"][0]["args"]
    if plan.workers:
        args["engine"]["distributed_executor_backend"] = "mp"
    args |= {
        "gangs": {"count": plan.shape.gangs, "ranks": plan.shape.ranks},
        "routers": {"count": plan.shape.routers},
        "access": {"keys_file": str(keys.resolve())},
    }
    served = Served(raw, config)
    try:
        step("small4 serve")
        served.start()
        return _played(plan, left_out, step)
    finally:
        served.stop()


def _played(plan: Plan, left_out: dict[Kind, str], step: Step) -> Run:
    if (ray := LocalRay.find()) is None:
        raise BenchError("the Ray that `small4 serve` started isn't there any more")
    observer = Observer(ray.pid, Served.url)
    processes = observer.processes()
    missing = [kind for kind in plan.kinds if not possible(kind, processes)]
    left_out = left_out | {kind: f"there is no {kind.role} in this deployment" for kind in missing}
    kinds = [kind for kind in plan.kinds if kind not in left_out]
    if not kinds:
        raise BenchError(f"no kind of fault can be played here: {list(left_out.values())}")
    watch = Watch(observer.look)
    try:
        watch.look(lambda look: look.whole(plan.shape), 0, plan.patience_s)
        faults = schedule(plan.seed, plan.faults, kinds)
        gathered = _under_traffic(plan, faults, observer, watch, step)
        return replace(gathered, left_out={str(kind): why for kind, why in left_out.items()})
    finally:
        watch.stop()


def _under_traffic(
    plan: Plan,
    faults: Sequence[Fault],
    observer: Observer,
    watch: Watch,
    step: Step,
) -> Run:
    asked = questions()
    step(f"the right answers to {len(asked)} requests")
    right = asyncio.run(_traffic(plan, asked).answers())
    began_s = time.time()
    played: list[Played] = []
    with _sending(plan, asked) as traffic:
        step(f"{plan.calm_s:.0f} s without faults")
        time.sleep(plan.calm_s)
        faults_s = time.time()
        for fault in faults:
            if time.time() - began_s > plan.last_s:
                step(
                    f"{len(faults) - len(played)} faults are left out: {plan.last_s:.0f} s are over"
                )
                break
            step(f"fault {fault.number} of {len(faults)}: {fault.kind}")
            played.append(play(fault, plan.shape, plan.patience_s, observer, watch))
            step(_told(played[-1]))
            if played[-1].whole_s is None:
                break  # what comes after it would say nothing
        step("the last requests")
    ended_s = time.time()
    time.sleep(_QUIET_S)
    left = _left(plan.shape, observer, watch)
    lines = read(_LOGS)
    for one in played:
        one.notice([line.at_s for line in lines if line.request is None], watch.looks, ended_s)
    judged = [judge(sent, right[sent.question], played, ended_s) for sent in traffic.sent]
    wrong = [one for one in judged if one.difference and one.fault is None]
    if wrong and not any(one.began_s < wrong[0].sent.ended_s for one in played):
        sort = asked[wrong[0].sent.question].sort
        raise BenchError(f"undisturbed requests of sort {sort!r} aren't answered alike")
    return Run(
        began_s=began_s,
        faults_s=faults_s,
        ended_s=ended_s,
        sorts=[question.sort for question in asked],
        judged=judged,
        played=played,
        moved={line.request: line.tokens for line in lines if line.request is not None},
        left_behind=left,
    )


def _traffic(plan: Plan, asked: Sequence[Question]) -> Traffic:
    return Traffic(Served.url, Served.model, asked, plan.clients, plan.stall_s)


@contextmanager
def _sending(plan: Plan, asked: Sequence[Question]) -> Iterator[Traffic]:
    """Send traffic from a thread during the block, and wait until its requests have ended."""
    begun = threading.Event()
    box: list[tuple[Traffic, asyncio.AbstractEventLoop]] = []

    async def send() -> None:
        traffic = _traffic(plan, asked)
        box.append((traffic, asyncio.get_running_loop()))
        begun.set()
        await traffic.run(plan.seed)
        await traffic.close()

    thread = threading.Thread(target=lambda: asyncio.run(send()), daemon=True)
    thread.start()
    begun.wait()
    traffic, loop = box[0]
    try:
        yield traffic
    finally:
        loop.call_soon_threadsafe(traffic.stop)
        thread.join()


def _left(shape: Shape, observer: Observer, watch: Watch) -> list[str]:
    look = watch.look(lambda look: look.ranks is not None, time.time(), _LOOK_S)
    head, *others = observer.family.members()
    return [
        *too_many(look, shape),
        *quotas_left(observer.streams_held()),
        *processes_left([head, *others], head.pid),
        *sockets_left(observer.processes(), _PORT),
    ]


def _told(played: Played) -> str:
    if played.whole_s is None:
        return f"  not whole again: {played.message}"
    force = ", not noticed: ended by force" if played.ended_by_force else ""
    return f"  {played.hit}: whole after {played.whole_s - played.began_s:.0f} s{force}"
