"""One router's reports to the scaler, and a call that makes Serve start a first gang."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

from ray import serve

from deployments.autoscaling.reports import REPORT_EVERY_S, RouterReport


class Requests(Protocol):
    """What is reported of a dispatcher; its own module imports vLLM, and this one mustn't."""

    def report(self, router: str) -> RouterReport:
        """Make the router's report."""

    def waits_for_a_gang(self) -> bool:
        """Tell whether there are requests, but no rank to send them to."""


@dataclass(frozen=True)
class ScalerLine:
    """Reports to the scaler, and asks Serve for a gang when requests wait and there is none.

    `scaler` and `shards` are Serve handles; `shards` also makes the gangs part of the application.
    """

    scaler: Any | None  # None: the number of gangs is fixed
    shards: Any

    async def run(self, requests: Requests) -> None:
        """Report for ever; return at once if the number of gangs is fixed."""
        if self.scaler is None:
            return
        router = str(serve.get_replica_context().replica_id)
        waking: asyncio.Future[None] | None = None
        while True:
            with contextlib.suppress(Exception):  # it may be restarting
                await self.scaler.router.remote(requests.report(router))
            if requests.waits_for_a_gang() and (waking is None or waking.done()):
                # Serve has no gang to send the call to, so it starts one; `wake` then does nothing.
                waking = asyncio.ensure_future(self._wake())
            await asyncio.sleep(REPORT_EVERY_S)

    async def _wake(self) -> None:
        with contextlib.suppress(Exception):
            await self.shards.wake.remote()
