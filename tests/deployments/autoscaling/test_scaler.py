"""A scaler over time: which reports count, and what happens after a restart."""

import asyncio

from configs.autoscaling import Autoscaling
from deployments.autoscaling.observation import ClassLoad, GangCount, Lengths, StepTime
from deployments.autoscaling.reports import EXPIRE_AFTER_S
from deployments.autoscaling.scaler import Scaler, ScalerService
from tests.deployments.autoscaling.reported import rank, router

CONFIG = Autoscaling(min_gangs=0, max_gangs=3)
WAITING = ClassLoad(queued_requests=1, queued_tokens=10, arrivals_per_s=0.1)


def test_it_listens_before_it_decides() -> None:
    scaler = Scaler(CONFIG, now_s=100)
    scaler.hear_rank(rank("a", told_gangs=2), 101)
    assert scaler.look(101) is None
    assert scaler.seen is not None
    assert scaler.seen.gangs == GangCount(up=1, starting=1)  # the gang that it had asked for before
    decision = scaler.look(100 + EXPIRE_AFTER_S)
    assert decision is not None
    assert decision.gangs == 2


def test_who_falls_silent_counts_no_more_but_what_a_gang_can_do_is_remembered() -> None:
    scaler = Scaler(CONFIG, now_s=0)
    scaler.hear_rank(rank("a"), 0)
    scaler.hear_router(router(standard=WAITING), 0)
    scaler.look(1)
    scaler.look(1 + EXPIRE_AFTER_S)
    assert scaler.seen is not None
    assert not scaler.seen.works
    assert scaler.seen.gangs.up == 0
    assert scaler.seen.capacity is not None


def test_lengths_of_answers_and_of_steps_are_remembered() -> None:
    scaler = Scaler(CONFIG, now_s=0)
    lengths, step = Lengths(10, 20, 30), StepTime(0.01, 0.001, 0.0001)
    scaler.hear_rank(rank("a", step=step), 0)
    scaler.hear_router(router(answered=3, lengths=lengths), 0)
    scaler.look(1)
    scaler.hear_rank(rank("b", gang="h"), 2 + EXPIRE_AFTER_S)
    scaler.hear_router(router(), 2 + EXPIRE_AFTER_S)
    scaler.look(2 + EXPIRE_AFTER_S)
    assert scaler.seen is not None
    assert scaler.seen.lengths == lengths
    assert scaler.seen.capacity is not None
    assert scaler.seen.capacity.step == step


def test_a_request_wakes_a_gang_and_how_long_it_took_is_known_then() -> None:
    scaler = Scaler(CONFIG, now_s=0)
    assert (decision := scaler.look(20)) is not None
    assert decision.gangs == 0
    scaler.hear_router(router(standard=WAITING), 30)
    assert (decision := scaler.look(30)) is not None
    assert decision.gangs == 1
    scaler.hear_router(router(standard=WAITING), 70)
    scaler.hear_rank(rank("a"), 70)
    scaler.look(70)
    assert scaler.seen is not None
    assert scaler.seen.capacity is not None
    assert scaler.seen.capacity.start_s == 40


def test_a_look_that_comes_too_soon_changes_nothing() -> None:
    scaler = Scaler(CONFIG, now_s=0)
    scaler.hear_rank(rank("a"), 10)
    decision = scaler.look(10)
    assert decision is not None
    assert scaler.look(10 + 0.9 * CONFIG.interval_s) is decision
    assert scaler.look(10 + CONFIG.interval_s) is not decision


def test_ranks_hear_what_is_wanted_once_it_is_decided() -> None:
    async def scene() -> None:
        service = ScalerService(CONFIG)
        assert await service.rank(rank("a")) is None
        await service.router(router(standard=WAITING))
        await service.check_health()
        service._scaler._decides_from_s = 0
        service._scaler.look(0)
        seen, decision = await service.state()
        assert seen is not None
        assert decision is not None
        assert (seen.gangs.up, decision.gangs) == (1, 1)
        service._looking.cancel()

    asyncio.run(scene())
