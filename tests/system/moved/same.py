"""What the tests of this folder claim of a call: moves change nothing in its answer."""

import asyncio
import math
from typing import Any

from tests.system.moved.asking import Call, answer
from tests.system.moved.deployment import Clients
from tests.system.moved.mover import Plan

Moves = tuple[int, ...]


def routes(tokens: int) -> set[Moves]:
    """Choose after which tokens of an answer it moves.

    They are: before the first and after it, in the middle, twice, and before the last.
    """
    twice = (tokens // 3, max(tokens // 3 + 1, 2 * tokens // 3))
    return {(0,), (1,), (tokens // 2,), twice, (tokens - 1,)}


async def same(clients: Clients, call: Call, *, stream: bool, most_tokens: int = 1) -> Plan:
    """Make a call once undisturbed and once for each route; return the undisturbed plan.

    A step brings `most_tokens` at most, so that moves may come later than planned.
    """
    stays = Plan()
    expected = await asyncio.create_task(answer(clients, call, stays, stream=stream))
    tokens = _length(expected) or stays.tokens
    plans = [Plan(moves) for moves in routes(tokens)]
    answers = (answer(clients, call, plan, stream=stream) for plan in plans)
    given: list[Any] = await asyncio.gather(*answers)
    for plan, other in zip(plans, given, strict=True):
        assert alike(other, expected), plan
        assert len(plan.journeys) == len(stays.journeys)
        for journey in plan.journeys.values():
            _check_moves(plan.moves, journey.moved, tokens, most_tokens)
    return stays


def _length(answer: dict[str, Any]) -> int | None:
    """Count the tokens of the shortest of an answer's choices; None if the answer doesn't say.

    The rank may have produced more until it heard that a stop string has come.
    """
    for part in (answer, *answer.values()):
        if isinstance(part, dict) and part.get("choices"):
            return min(len(choice["token_ids"]) for choice in part["choices"])
        if isinstance(part, dict) and "output_tokens" in (usage := part.get("usage") or {}):
            return int(usage["output_tokens"])
    return None


async def same_in_both_forms(clients: Clients, call: Call, *, most_tokens: int = 1) -> None:
    """Make a call with all its moves, streamed and as a whole, at once."""
    await asyncio.gather(
        *(same(clients, call, stream=stream, most_tokens=most_tokens) for stream in (False, True))
    )


def _check_moves(planned: Moves, moved: list[int], tokens: int, most_tokens: int) -> None:
    """Check that a request moved where it should."""
    if most_tokens == 1:
        assert tuple(moved) == planned
    for place, move in enumerate(planned):
        if move + most_tokens <= tokens:  # otherwise one step may end the answer
            assert 0 <= moved[place] - move < most_tokens * len(planned), (planned, moved)


def alike(one: Any, other: Any) -> bool:
    """Tell whether answers are equal; log probabilities may differ in their last digits.

    A prompt that is computed beside others, or in other chunks, is summed in another order.
    """
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)
