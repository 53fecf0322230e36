"""One rank's line to the roster: its entry, what its gang has to do, and its own end."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from deployments.roster import RENEW_EVERY_S
from deployments.wire.load import Load
from deployments.wire.loss import Loss
from deployments.wire.rank_entry import RankEntry

_SHOWN = ("requests", "waiting_requests", "prefill_tokens", "draining")  # in the roster's entry
_REPORT_TIMEOUT_S = 2.0
_ASK_EVERY_S = 20.0
_RETRY_S = 1.0


class RosterLine:
    """`roster` is a Serve handle; it may be restarting at any time."""

    def __init__(self, roster: Any, entry: RankEntry) -> None:
        self._roster = roster
        self._entry = entry
        self._gang_tokens = 0
        self._answered_s = time.monotonic()

    async def run(self, load: Callable[[], Load]) -> None:
        """Renew the entry for ever."""
        while True:
            shown = {name: getattr(load(), name) for name in _SHOWN}
            with contextlib.suppress(Exception):
                # A call to a roster that was killed may never return.
                async with asyncio.timeout(2 * RENEW_EVERY_S):
                    self._gang_tokens = await self._roster.renew.remote(
                        self._entry.model_copy(update=shown)
                    )
                self._answered_s = time.monotonic()
            await asyncio.sleep(RENEW_EVERY_S)

    def step_tokens(self, own_tokens: int) -> int:
        """Return the most prompt tokens that a rank of the gang may compute in its next step.

        Ranks step together, so a step takes as long as that of the rank with most to compute.
        """
        most = self._entry.max_num_batched_tokens
        if time.monotonic() - self._answered_s > 3 * RENEW_EVERY_S and self._entry.ranks > 1:
            return most  # nobody knows
        return min(most, max(own_tokens, self._gang_tokens))

    async def gang_ends(self) -> None:
        """Wait until a rank of the gang says that its engine has died."""
        while True:
            try:
                async with asyncio.timeout(_ASK_EVERY_S + _REPORT_TIMEOUT_S):
                    if await self._roster.died.remote(self._entry.gang, _ASK_EVERY_S):
                        return
            except Exception:  # as long as the roster doesn't answer, nothing is said
                await asyncio.sleep(_RETRY_S)

    async def lose(self, loss: Loss) -> bool:
        """Report this rank's end; return False if the roster doesn't answer."""
        try:
            async with asyncio.timeout(_REPORT_TIMEOUT_S):
                await self._roster.lose.remote(loss)
        except Exception:
            return False
        return True

    async def withdraw(self) -> None:
        """Say that the rank goes."""
        with contextlib.suppress(Exception):
            await self._roster.withdraw.remote(self._entry.replica)
