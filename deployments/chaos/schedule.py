"""A schedule of faults: a pure function of a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from deployments.chaos.kind import LASTS_S, Kind

_WAIT_S = (3.0, 8.0)  # after the last fault has healed, so that streams are under way
_TARGETS = 1 << 16


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a schedule.

    It begins `wait_s` after the deployment is whole, and lasts `lasts_s`, or until the system has
    healed it where this is None. `target` chooses among what can be hit then.
    """

    number: int
    kind: Kind
    target: int
    wait_s: float
    lasts_s: float | None


def schedule(seed: int, count: int, kinds: Sequence[Kind]) -> list[Fault]:
    """Draw `count` faults; each kind comes equally often, give or take one."""
    draw = random.Random(seed)  # noqa: S311
    drawn: list[Kind] = []
    while len(drawn) < count:
        drawn += draw.sample(sorted(kinds), len(kinds))
    return [
        Fault(
            number=number,
            kind=kind,
            target=draw.randrange(_TARGETS),
            wait_s=round(draw.uniform(*_WAIT_S), 1),
            lasts_s=_lasts_s(draw, kind),
        )
        for number, kind in enumerate(drawn[:count], start=1)
    ]


def _lasts_s(draw: random.Random, kind: Kind) -> float | None:
    bounds = LASTS_S.get(kind.way)
    return round(draw.uniform(*bounds), 1) if bounds else None
