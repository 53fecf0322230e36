"""One router's allowances, and its messages to the service that all routers share."""

import asyncio
import contextlib
import logging
import math
import time
from typing import Any

from configs.errors import QuotaError
from configs.keys import Key
from deployments.access.allowance import Allowance, Limited
from deployments.access.quotas import RENEW_EVERY_S, Ask, Grant, Quotas

logger = logging.getLogger("ray.serve")

_ANSWER_WITHIN_S = 1.0
_FIRST_ANSWER_WITHIN_S = 10.0  # a Serve handle has to find the service
_TRY_AGAIN_AFTER_S = 5.0
_PAUSE_S = 0.01  # between messages: a hundred a second at most


class Allowances:
    """Keeps a router's allowances filled, one for each key.

    Must be made inside a running event loop. While the service doesn't answer, the router keeps to
    its own part of the limits.
    """

    def __init__(self, service: Any, router: str, routers: int) -> None:
        self._service = service
        self._router = router
        self._routers = routers
        self._allowances: dict[str, Allowance] = {}
        self._alone = Quotas()
        self._alone_until_s = -math.inf
        self._within_s = _FIRST_ANSWER_WITHIN_S
        self._wake = asyncio.Event()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._exchanging = asyncio.create_task(self._exchange())

    async def begin(self, key: Key) -> Allowance:
        """Begin a request of this key; `end` it later. Raises QuotaError if it may not begin."""
        allowance = self._of(key)
        await self._require(allowance, "streams")
        allowance.open += 1
        try:
            await self._require(allowance, "tokens")
            await self._require(allowance, "requests")  # the last: it can't be given back
        except BaseException:
            self.end(allowance)
            raise
        allowance.spend_request()
        self._refill(allowance)
        return allowance

    def end(self, allowance: Allowance) -> None:
        allowance.open -= 1
        self._refill(allowance)

    async def prompt(self, allowance: Allowance, tokens: int) -> None:
        """Spend a prompt's tokens; the last prompt may overrun.

        Raises QuotaError if no tokens are left.
        """
        await self._require(allowance, "tokens")
        allowance.spend(tokens)
        self._refill(allowance)

    def _of(self, key: Key) -> Allowance:
        allowance = self._allowances.setdefault(key.name, Allowance(key))
        allowance.key = key  # its limits may have changed
        return allowance

    async def _require(self, allowance: Allowance, limited: Limited) -> None:
        """Wait, if nothing is left of a limit, for the answer to a message that asks for some.

        Wait a second time if need be: a later request may have taken what the first answer brought.
        Raises QuotaError if there is still nothing left.
        """
        for _ in range(2):
            if not allowance.lacks(limited):
                return
            allowance.waiting[limited] += 1
            try:
                self._wake.set()
                await asyncio.shield(self._answered)
            finally:
                allowance.waiting[limited] -= 1
        if allowance.lacks(limited):
            raise self._used_up(allowance, limited)

    def _used_up(self, allowance: Allowance, limited: Limited) -> QuotaError:
        self._refill(allowance)  # unused streams go back
        key, retry_after_s = allowance.key, math.ceil(allowance.wait_s(limited))
        limit = {
            "requests": f"{key.requests_per_minute} requests per minute",
            "tokens": f"{key.tokens_per_minute} tokens per minute",
            "streams": f"{key.streams} requests at once",
        }[limited]
        return QuotaError(
            f"The key {key.name!r} may send {limit}, and has: try again in {retry_after_s} s.",
            {**allowance.headers(), "Retry-After": str(retry_after_s)},
        )

    def _refill(self, allowance: Allowance) -> None:
        if allowance.is_low() or allowance.is_idle():
            self._wake.set()

    async def _exchange(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            answered = self._answered
            self._answered = asyncio.get_running_loop().create_future()
            needing = [allowance for allowance in self._allowances.values() if allowance.needs()]
            asks = [allowance.ask() for allowance in needing]
            for allowance, ask in zip(needing, asks, strict=True):
                allowance.asked(ask)
            grants = await self._grants(asks) if asks else []
            for allowance, grant in zip(needing, grants, strict=True):
                allowance.take(grant)
            answered.set_result(None)
            await asyncio.sleep(_PAUSE_S)

    async def _grants(self, asks: list[Ask]) -> list[Grant]:
        if time.monotonic() >= self._alone_until_s:
            try:
                async with asyncio.timeout(self._within_s):
                    grants: list[Grant] = await self._service.grant.remote(self._router, asks)
                self._within_s = _ANSWER_WITHIN_S
                return grants
            except (Exception, asyncio.CancelledError) as error:  # Ray cancels calls, too
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                logger.warning("quotas are kept by this router alone for a while: %r", error)
                self._alone_until_s = time.monotonic() + _TRY_AGAIN_AFTER_S
        return [self._alone.grant(self._router, self._part(ask), time.monotonic()) for ask in asks]

    def _part(self, ask: Ask) -> Ask:
        limits = ("requests_per_minute", "tokens_per_minute", "streams")
        parts = {
            name: math.ceil(limit / self._routers)
            for name in limits
            if (limit := getattr(ask.key, name)) is not None
        }
        return ask.model_copy(update={"key": ask.key.model_copy(update=parts)})
