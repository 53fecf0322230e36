"""Who leaves a rank for whom, without ranks."""

import pytest

from configs.tier import Tier
from deployments.router.routed_request import RoutedRequest
from deployments.scheduling.preemption import victims
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.ticket import Ticket
from tests.deployments.router.fake_shard import request

LIMITS = Limits(sequences=3, prefill_tokens=100, kv_tokens=200)
NEXT = Ticket("next", Tier.STANDARD, "", prompt_tokens=50, max_tokens=10)


def running(
    load: RankLoad, name: str, priority: int, produced: int, prompt_tokens: int = 3
) -> RoutedRequest:
    one = request(name, prompt_tokens)
    one.priority = priority
    routed = RoutedRequest(one, replica=load.replica)
    load.take(routed.ticket)
    routed.tokens = [7] * produced
    return routed


def names(flights: list[RoutedRequest]) -> list[str]:
    return [routed.request.request_id for routed in flights]


@pytest.mark.parametrize(
    ("priorities", "going"), [((1, 1, 1), ["c"]), ((1, 0, 0), ["a"]), ((0, 0, -1), [])]
)
def test_only_batch_yields_the_least_advanced_first(
    priorities: tuple[int, ...], going: list[str]
) -> None:
    load = RankLoad("a", LIMITS)
    flights = [
        running(load, name, priority, produced)
        for name, priority, produced in zip("abc", priorities, (9, 5, 1), strict=True)
    ]
    assert names(victims(NEXT, [load], flights)) == going


def test_batch_doesnt_yield_to_batch() -> None:
    load = RankLoad("a", LIMITS)
    flights = [running(load, name, 1, 1) for name in "abc"]
    waiting = Ticket("next", Tier.BATCH, "", prompt_tokens=3, max_tokens=10)
    assert victims(waiting, [load], flights) == []


def test_as_few_as_possible_yield_and_none_in_vain() -> None:
    first, second = RankLoad("a", LIMITS), RankLoad("b", LIMITS)
    flights = [running(first, name, 1, 1, prompt_tokens=60) for name in "ab"]
    flights += [running(second, "c", 1, 1, prompt_tokens=150)]
    large = Ticket("next", Tier.STANDARD, "", prompt_tokens=180, max_tokens=10)
    assert names(victims(large, [first, second], flights)) == ["c"]
    kept = running(second, "kept", 0, 1, prompt_tokens=30)
    assert names(victims(large, [first, second], [*flights, kept])) == ["a", "b"]
    running(first, "kept too", 0, 1, prompt_tokens=30)
    assert victims(large, [first, second], [*flights, kept]) == []
