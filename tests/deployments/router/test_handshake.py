"""A router uses no rank that would continue its streams differently, and says why."""

import asyncio
from typing import Any

import pytest

from deployments.roster import RosterService
from deployments.router.handshake import Handshake
from deployments.wire.rank_entry import RankEntry
from tests.deployments.roster_entries import entry


class Handle:
    """Calls a roster as a Serve handle does."""

    def __init__(self, roster: RosterService) -> None:
        self._roster = roster

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._roster, name)

        class Method:
            remote = staticmethod(method)

        return Method


def rank(replica: str, **identity: str) -> RankEntry:
    return entry(replica).model_copy(update={"identity": identity})


def test_a_rank_with_other_weights_is_refused_by_name_and_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> tuple[list[str], dict[str, str]]:
        roster = RosterService()
        for listed in (rank("a", weights="1", vllm="2"), rank("b", weights="9", vllm="2")):
            await roster.renew(listed)
        handshake = Handshake(Handle(roster), {"weights": "1", "vllm": "2"})
        used = [known.replica for known in await handshake.living()]
        await handshake.living()
        return used, {known.replica: known.refused for known in await roster.living()}

    used, refused = asyncio.run(scene())
    assert used == ["a"]
    assert refused == {"a": "", "b": "weights is 9 there and 1 here"}
    assert caplog.text.count("isn't used: weights is 9 there and 1 here") == 1


def test_what_a_router_doesnt_know_the_first_rank_decides() -> None:
    async def scene() -> list[str]:
        roster = RosterService()
        for listed in (rank("a", weights="1"), rank("b", weights="9"), rank("c", weights="1")):
            await roster.renew(listed)
        return [known.replica for known in await Handshake(Handle(roster), {}).living()]

    assert asyncio.run(scene()) == ["a", "c"]


def test_a_router_misses_no_rank_that_comes_between_two_of_its_questions() -> None:
    async def scene() -> list[str]:
        roster = RosterService()
        await roster.renew(entry("a"))
        handshake = Handshake(Handle(roster), {})
        await handshake.living()
        await roster.renew(entry("b", rank=1))
        async with asyncio.timeout(5):
            return [known.replica for known in await handshake.next_change(60)]

    assert asyncio.run(scene()) == ["a", "b"]
