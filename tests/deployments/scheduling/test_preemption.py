"""Which requests leave a rank for another, without ranks."""

from dataclasses import dataclass

import pytest

from configs.tier import Tier
from deployments.scheduling.preemption import victims
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket

LIMITS = Limits(sequences=3, prefill_tokens=100, kv_tokens=200)
NEXT = Ticket("next", Tier.STANDARD, "", prompt_tokens=50, max_tokens=10)


@dataclass
class Running:
    """A request at a rank."""

    ticket: Ticket
    replica: str
    produced: int
    started: bool = True


def running(
    rank: RankLoad, name: str, tier: Tier, produced: int = 1, prompt_tokens: int = 3
) -> Running:
    ticket = Ticket(name, tier, "", prompt_tokens, max_tokens=10)
    rank.take(ticket)
    return Running(ticket, rank.replica, produced)


def names(requests: list[Running]) -> list[str]:
    return [request.ticket.request_id for request in requests]


@pytest.mark.parametrize(
    ("tiers", "going"),
    [
        ((Tier.BATCH, Tier.BATCH, Tier.BATCH), ["c"]),
        ((Tier.BATCH, Tier.STANDARD, Tier.STANDARD), ["a"]),
        ((Tier.STANDARD, Tier.STANDARD, Tier.INTERACTIVE), []),
    ],
)
def test_only_batch_yields_the_least_advanced_first(
    tiers: tuple[Tier, ...], going: list[str]
) -> None:
    rank = RankLoad("a", LIMITS)
    requests = [
        running(rank, name, tier, produced)
        for name, tier, produced in zip("abc", tiers, (9, 5, 1), strict=True)
    ]
    assert names(victims(NEXT, [rank], requests)) == going


def test_batch_doesnt_yield_to_batch() -> None:
    rank = RankLoad("a", LIMITS)
    requests = [running(rank, name, Tier.BATCH) for name in "abc"]
    waiting = Ticket("next", Tier.BATCH, "", prompt_tokens=3, max_tokens=10)
    assert victims(waiting, [rank], requests) == []


def test_as_few_as_possible_yield_and_none_in_vain() -> None:
    first, second = RankLoad("a", LIMITS), RankLoad("b", LIMITS)
    requests = [running(first, name, Tier.BATCH, prompt_tokens=60) for name in "ab"]
    requests += [running(second, "c", Tier.BATCH, prompt_tokens=150)]
    large = Ticket("next", Tier.STANDARD, "", prompt_tokens=180, max_tokens=10)
    assert names(victims(large, [first, second], requests)) == ["c"]
    kept = running(second, "kept", Tier.STANDARD, prompt_tokens=30)
    assert names(victims(large, [first, second], [*requests, kept])) == ["a", "b"]
    running(first, "kept too", Tier.STANDARD, prompt_tokens=30)
    assert victims(large, [first, second], [*requests, kept]) == []
