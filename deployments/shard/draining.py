"""Waits for the last requests of a gang before it goes, as far as there is time."""

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
    """Wait until no rank of `gang` has a request, for at most `within_s`.

    Ranks step together, so a rank without requests stays for those that have some. The roster says
    how many; while it doesn't answer, or is gone itself, no other rank is waited for.
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
    return any(rank.requests for rank in ranks if rank.gang == gang)
