"""One router's line to the scaler; with no gang at all, a call that makes Serve start one."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from ray import serve

from deployments.autoscaling.reports import REPORT_EVERY_S
from deployments.router.dispatcher import Dispatcher


@dataclass(frozen=True)
class ScalerLine:
    """Both are Serve handles; `shards` makes the gangs part of the application, and wakes one."""

    scaler: Any | None  # None: the number of gangs is fixed
    shards: Any

    async def run(self, dispatcher: Dispatcher) -> None:
        """Report for ever; returns at once where nobody scales."""
        if self.scaler is None:
            return
        router = str(serve.get_replica_context().replica_id)
        waking: asyncio.Future[None] | None = None
        while True:
            with contextlib.suppress(Exception):  # it may be restarting
                await self.scaler.router.remote(dispatcher.report(router))
            if dispatcher.waits_for_a_gang() and (waking is None or waking.done()):
                # Serve has nobody to send it to, so it starts a gang; `wake` then does nothing.
                waking = asyncio.ensure_future(self._wake())
            await asyncio.sleep(REPORT_EVERY_S)

    async def _wake(self) -> None:
        with contextlib.suppress(Exception):
            await self.shards.wake.remote()
