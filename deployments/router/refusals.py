"""Why a request is refused, or its stream ended: errors whose messages clients read."""

from configs.errors import (
    CantMoveError,
    EndedEnginesError,
    LineFullError,
    NoGangError,
    WaitedTooLongError,
)
from configs.tier import Tier


def line_full(waiting: int) -> LineFullError:
    return LineFullError(
        f"{waiting} requests wait already, which is all that may. Try again after the seconds "
        "in `Retry-After`."
    )


def poisonous(produced: int) -> EndedEnginesError:
    return EndedEnginesError(
        f"The request ended two engines after {produced} tokens of its answer, and isn't tried at "
        "a third. Change it; the operator finds the cause with `small4 status`."
    )


def cant_move() -> CantMoveError:
    return CantMoveError(
        "The rank that computed this answer is lost, or a better class needs its place, and no "
        "other rank could go on with the request's `seed`. Ask again, or without `seed`."
    )


def too_long(tier: Tier, waited_s: float) -> WaitedTooLongError:
    return WaitedTooLongError(
        f"No rank had room within {waited_s:g} s, the longest that a request of class "
        f"{tier.label} waits. Try again later."
    )


def no_gang(waited_s: float) -> NoGangError:
    return NoGangError(
        f"No copy of the model has been up for {waited_s:g} s. Try again later; the operator sees "
        "what is missing with `small4 status`."
    )
