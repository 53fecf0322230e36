"""Who leaves a rank for whom, without ranks."""

import pytest

from deployments.router.routed_request import Flight
from deployments.scheduling.preemption import who_yields
from deployments.scheduling.rank_load import Limits, Room
from deployments.scheduling.waiting_line import Ticket, Tier
from tests.deployments.router.fake_shard import request

LIMITS = Limits(sequences=3, prefill_tokens=100, kv_tokens=200)
NEXT = Ticket("next", Tier.STANDARD, "", prompt_tokens=50, max_tokens=10)


def running(room: Room, name: str, priority: int, produced: int, prompt_tokens: int = 3) -> Flight:
    one = request(name, prompt_tokens)
    one.priority = priority
    flight = Flight(one, replica=room.replica)
    room.take(flight.ticket)
    flight.tokens = [7] * produced
    return flight


def names(flights: list[Flight]) -> list[str]:
    return [flight.request.request_id for flight in flights]


@pytest.mark.parametrize(
    ("priorities", "going"), [((1, 1, 1), ["c"]), ((1, 0, 0), ["a"]), ((0, 0, -1), [])]
)
def test_only_batch_yields_the_least_advanced_first(
    priorities: tuple[int, ...], going: list[str]
) -> None:
    room = Room("a", LIMITS)
    flights = [
        running(room, name, priority, produced)
        for name, priority, produced in zip("abc", priorities, (9, 5, 1), strict=True)
    ]
    assert names(who_yields(NEXT, [room], flights)) == going


def test_batch_doesnt_yield_to_batch() -> None:
    room = Room("a", LIMITS)
    flights = [running(room, name, 1, 1) for name in "abc"]
    waiting = Ticket("next", Tier.BATCH, "", prompt_tokens=3, max_tokens=10)
    assert who_yields(waiting, [room], flights) == []


def test_as_few_as_possible_yield_and_none_in_vain() -> None:
    first, second = Room("a", LIMITS), Room("b", LIMITS)
    flights = [running(first, name, 1, 1, prompt_tokens=60) for name in "ab"]
    flights += [running(second, "c", 1, 1, prompt_tokens=150)]
    large = Ticket("next", Tier.STANDARD, "", prompt_tokens=180, max_tokens=10)
    assert names(who_yields(large, [first, second], flights)) == ["c"]
    kept = running(second, "kept", 0, 1, prompt_tokens=30)
    assert names(who_yields(large, [first, second], [*flights, kept])) == ["a", "b"]
    running(first, "kept too", 0, 1, prompt_tokens=30)
    assert who_yields(large, [first, second], [*flights, kept]) == []
