"""A gang that is let go: its streams end in peace, as far as there is time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from deployments.wire.rank_entry import RankEntry

_LOOK_EVERY_S = 0.5


async def drained(
    gang: str,
    within_s: float,
    own_requests: Callable[[], int],
    living: Callable[[], Awaitable[list[RankEntry]]],
) -> None:
    """Returns once no rank of `gang` has a request, or after `within_s`.

    Ranks step together, so one that has nothing left stays for those that have. What they have is
    asked of the roster; while that doesn't answer, or is gone itself, nobody is waited for.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while True:
                if not own_requests() and not await _busy(gang, living):
                    return
                await asyncio.sleep(_LOOK_EVERY_S)


async def _busy(gang: str, living: Callable[[], Awaitable[list[RankEntry]]]) -> bool:
    try:
        ranks = await living()
    except Exception:
        return False
    return any(one.requests for one in ranks if one.gang == gang)
