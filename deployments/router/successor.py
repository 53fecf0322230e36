"""One router's part of a handover: what the roster says of it, and which requests it takes."""

import asyncio
import contextlib
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve

from deployments.wire.handover import Handover, HandoverReport

_ASK_EVERY_S = 0.5
_TIMEOUT_S = 5.0
_GOLDEN = 0.6180339887498949  # the fractions of its multiples are spread most evenly


class RosterSuccessor:
    """Hands over what the roster says. While that doesn't answer, what it said last holds."""

    def __init__(self, roster: Any) -> None:
        """`roster` is a Serve handle."""
        self.kept = 0
        self.handed_over = 0
        self.failed = 0
        self._roster = roster
        self._handover: Handover | None = None
        self._host = ""  # of this node
        self._place = 0.0

    def install(self, app: FastAPI) -> None:
        """Put what hands requests over before the application."""
        from deployments.front_end.middleware.hand_over import HandOver, forwarding_client

        app.add_middleware(HandOver, successor=self, http=forwarding_client())

    async def follow(self) -> None:
        """Report, and ask for the handover, for ever."""
        router = str(serve.get_replica_context().replica_id)
        self._host = ray.util.get_node_ip_address()
        while True:
            with contextlib.suppress(Exception):  # it may be restarting
                async with asyncio.timeout(_TIMEOUT_S):
                    self.take(await self._roster.handover.remote(self.report(router)))
            await asyncio.sleep(_ASK_EVERY_S)

    def report(self, router: str) -> HandoverReport:
        """Make this router's report."""
        return HandoverReport(
            router=router, kept=self.kept, handed_over=self.handed_over, failed=self.failed
        )

    def take(self, handover: Handover | None) -> None:
        """Take what the roster says."""
        self._handover = handover

    def draw(self) -> str | None:
        """Return where the next request goes; of many, `share` go to the other application."""
        handover = self._handover
        if handover is None:
            return None
        self._place = (self._place + _GOLDEN) % 1.0
        if self._place >= handover.share:
            return None
        host = self._host if self._host in handover.hosts else handover.hosts[0]
        return f"http://{host}:{handover.port}{handover.prefix}"
