"""One router's line to the scaler; with no gang at all, a call that makes Serve start one."""

import asyncio
import contextlib
from typing import Any

from deployments.autoscaling.reports import REPORT_EVERY_S
from deployments.router.engine_core import RouterEngineCore


class Reporting:
    """`scaler` and `shards` are Serve handles."""

    def __init__(self, core: RouterEngineCore, scaler: Any, shards: Any, router: str) -> None:
        self._core = core
        self._scaler = scaler
        self._shards = shards
        self._router = router
        self._waking: asyncio.Future[None] | None = None

    async def run(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # it may be restarting
                await self._scaler.router.remote(self._core.report(self._router))
            if self._core.waits_for_a_gang() and (self._waking is None or self._waking.done()):
                # Serve has nobody to send it to, so it starts a gang; `wake` then does nothing.
                self._waking = asyncio.ensure_future(_wake(self._shards))
            await asyncio.sleep(REPORT_EVERY_S)


async def _wake(shards: Any) -> None:
    with contextlib.suppress(Exception):
        await shards.wake.remote()
