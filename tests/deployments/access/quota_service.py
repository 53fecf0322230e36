"""A quota service to test with."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from deployments.access.quotas import Ask, Grant, QuotaService


class Service:
    """Stands for a Serve handle; a message takes a millisecond."""

    def __init__(self) -> None:
        self.messages = 0
        self.gone = False
        self._service = QuotaService()
        self._granted: list[tuple[str, Ask]] = []
        self._news = asyncio.Condition()
        self.grant = SimpleNamespace(remote=self._grant)

    async def _grant(self, router: str, asks: list[Ask]) -> list[Grant]:
        self.messages += 1
        await asyncio.sleep(0.001)
        if self.gone:
            raise ConnectionError("the actor died")
        grants = await self._service.grant(router, asks)
        async with self._news:
            self._granted += ((router, ask) for ask in asks)
            self._news.notify_all()
        return grants

    async def granted(self, router: str, is_awaited: Callable[[Ask], bool]) -> None:
        """Wait until the service has granted such an ask of a router."""

        def has_come() -> bool:
            return any(asker == router and is_awaited(ask) for asker, ask in self._granted)

        async with self._news:
            await self._news.wait_for(has_come)
