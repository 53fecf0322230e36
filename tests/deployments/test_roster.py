import asyncio

import pytest

from deployments import roster as roster_module
from deployments.roster import EXPIRE_AFTER_S, Roster, RosterService
from deployments.wire.loss import How
from deployments.wire.rank_entry import RankEntry
from tests.deployments.losses import loss
from tests.deployments.roster_entries import entry


def test_ranks_are_listed_by_gang_and_rank() -> None:
    roster = Roster()
    for new in (entry("c", "h", 0), entry("b", "g", 1), entry("a", "g", 0)):
        assert roster.renew(new, now_s=0)
    assert [living.replica for living in roster.living()] == ["a", "b", "c"]


def test_a_rank_lasts_as_long_as_it_renews() -> None:
    roster = Roster()
    roster.renew(entry(), now_s=0)
    assert not roster.renew(entry(), now_s=EXPIRE_AFTER_S - 1)
    assert roster.expire(EXPIRE_AFTER_S + 1) == []
    assert roster.living() == [entry()]
    (lost,) = roster.expire(2 * EXPIRE_AFTER_S)
    assert (lost.how, lost.rank, lost.lived_s) == (How.VANISHED, 0, EXPIRE_AFTER_S - 1)
    assert roster.living() == []


def test_a_rank_that_withdraws_is_gone_at_once() -> None:
    roster = Roster()
    roster.renew(entry(), now_s=0)
    assert roster.withdraw("a")
    assert roster.living() == []


def test_a_waiting_router_hears_of_a_new_rank() -> None:
    async def scene() -> list[RankEntry]:
        service = RosterService()
        change = service.next_change(timeout_s=60)
        living, _ = await asyncio.gather(change, service.renew(entry()))  # begin in this order
        return living

    assert asyncio.run(scene()) == [entry()]


def test_a_router_hears_at_once_of_a_rank_that_came_while_it_wasnt_waiting() -> None:
    async def scene() -> list[RankEntry]:
        service = RosterService()
        await service.renew(entry("a", rank=0))
        await service.renew(entry("b", rank=1))
        async with asyncio.timeout(5):
            return await service.next_change(timeout_s=60, heard=["a"])

    assert [rank.replica for rank in asyncio.run(scene())] == ["a", "b"]


def test_a_router_that_has_heard_of_all_waits() -> None:
    async def scene() -> list[RankEntry]:
        service = RosterService()
        await service.renew(entry("a"))
        change = service.next_change(timeout_s=60, heard=["a"])
        living, _ = await asyncio.gather(change, service.renew(entry("b", rank=1)))
        return living

    assert [rank.replica for rank in asyncio.run(scene())] == ["a", "b"]


def test_ranks_of_a_gang_meet_where_rank_0_says_whoever_comes_first() -> None:
    async def scene() -> list[tuple[str, int]]:
        service = RosterService()
        host = "10.0.0.1", 1234
        early, *_ = await asyncio.gather(  # begin in this order
            service.join_meeting("g"),
            service.host_meeting("g", *host),
            service.host_meeting("g", *host),  # a retry changes nothing
        )
        return [early, await service.join_meeting("g")]

    assert asyncio.run(scene()) == [("10.0.0.1", 1234)] * 2


def test_a_rank_hears_how_much_is_queued_at_the_busiest_rank_of_its_gang() -> None:
    async def scene() -> list[int]:
        service = RosterService()
        busy, other = entry("b", rank=1), entry("c", "h")
        await service.renew(busy.model_copy(update={"prefill_tokens": 700}))
        await service.renew(other.model_copy(update={"prefill_tokens": 9000}))
        return [await service.renew(entry("a"))]

    assert asyncio.run(scene()) == [700]


def test_a_rank_whose_renewals_were_late_wasnt_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> tuple[list[str], list[str]]:
        service = RosterService()
        monkeypatch.setattr(roster_module, "EXPIRE_AFTER_S", 0.0)
        monkeypatch.setattr(roster_module, "_DECIDE_AFTER_S", 0.0)
        await service.renew(entry().model_copy(update={"ranks": 1}))
        await service.living()  # it has expired
        await asyncio.sleep(0.01)
        lost = [cause.loss.gang for cause in await service.causes()]
        monkeypatch.setattr(roster_module, "EXPIRE_AFTER_S", 60.0)
        await service.renew(entry().model_copy(update={"ranks": 1}))
        return lost, [cause.loss.gang for cause in await service.causes()]

    assert asyncio.run(scene()) == (["g"], [])


def test_of_a_gang_one_cause_is_kept_once_its_ranks_had_time_to_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> list[int]:
        monkeypatch.setattr(roster_module, "_DECIDE_AFTER_S", 0.05)
        service = RosterService()
        for rank, how in ((0, How.FAILED), (1, How.KILLED)):
            await service.lose(loss(rank, how))
        await asyncio.sleep(0.1)
        await service.lose(loss(2, How.FAILED))
        await asyncio.sleep(0.1)
        return [cause.loss.rank for cause in await service.causes()]

    assert asyncio.run(scene()) == [1]


def test_a_rank_that_says_it_is_lost_is_gone_at_once_and_alone() -> None:
    async def scene() -> list[str]:
        service = RosterService()
        for renewed in (entry("a", rank=0), entry("b", rank=1), entry("c", "another", rank=0)):
            await service.renew(renewed)
        await service.lose(loss(rank=0))
        return [listed.replica for listed in await service.living()]

    assert asyncio.run(scene()) == ["c", "b"]


@pytest.mark.parametrize(
    ("how", "heard"),
    [(How.KILLED, True), (How.FAILED, True), (How.WAITING, False), (How.STOPPED, False)],
)
def test_a_rank_hears_that_another_of_its_gang_has_died(how: How, heard: bool) -> None:
    async def scene() -> list[bool]:
        service = RosterService()
        asked = service.died("g", timeout_s=0.2), service.died("h", timeout_s=0.2)
        *answers, _ = await asyncio.gather(*asked, service.lose(loss(1, how)))
        return [*answers, await service.died("g", timeout_s=0)]

    assert asyncio.run(scene()) == [heard, False, heard]
