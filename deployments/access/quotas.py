"""The use of each key's limits by all routers of a deployment together.

`Quotas` is plain data with a clock handed in; `QuotaService` is the Serve deployment around it.
Routers take a little ahead, so that most requests cost no message. A service that restarts has
forgotten the last minute.
"""

import time
from collections import defaultdict

from pydantic import BaseModel, ConfigDict

from configs.keys import Key
from deployments.access.window import Window

RENEW_EVERY_S = 0.5
_EXPIRE_AFTER_S = 2.0


class Ask(BaseModel):
    """What a router wants for one key.

    `key` carries the limits, because routers are the first to know of changes.
    """

    model_config = ConfigDict(frozen=True)

    key: Key
    requests: int = 0
    tokens: int = 0
    owed_tokens: int = 0  # spent already, beyond what was granted
    streams: int = 0  # all that it would hold, those it holds included


class Grant(BaseModel):
    """The answer to an Ask; it grants at most as much.

    The fields with `left` and `wait` tell a client where it stands.
    """

    model_config = ConfigDict(frozen=True)

    requests: int = 0
    tokens: int = 0
    streams: int = 0
    requests_left: int = 0
    tokens_left: int = 0
    requests_wait_s: float = 0.0  # until a request is left again
    tokens_wait_s: float = 0.0


class Quotas:
    """Use of every key, by its name: two windows, and each router's streams with their time."""

    def __init__(self) -> None:
        self._requests: defaultdict[str, Window] = defaultdict(Window)
        self._tokens: defaultdict[str, Window] = defaultdict(Window)
        self._streams: defaultdict[str, dict[str, tuple[int, float]]] = defaultdict(dict)

    def grant(self, router: str, ask: Ask, now_s: float) -> Grant:
        key = ask.key
        requests, tokens = self._requests[key.name], self._tokens[key.name]
        tokens.charge(ask.owed_tokens, now_s)
        granted_requests = _take(requests, key.requests_per_minute, ask.requests, now_s)
        granted_tokens = _take(tokens, key.tokens_per_minute, ask.tokens, now_s)
        return Grant(
            requests=granted_requests,
            tokens=granted_tokens,
            streams=self._hold(router, key, ask.streams, now_s),
            requests_left=_left(requests, key.requests_per_minute, now_s),
            tokens_left=_left(tokens, key.tokens_per_minute, now_s),
            requests_wait_s=_wait_s(requests, key.requests_per_minute, now_s),
            tokens_wait_s=_wait_s(tokens, key.tokens_per_minute, now_s),
        )

    def _hold(self, router: str, key: Key, wanted: int, now_s: float) -> int:
        """Return how many of the wanted streams a router may hold from now on.

        A router that died holds its streams until they expire.
        """
        holders = {
            holder: (streams, since_s)
            for holder, (streams, since_s) in self._streams[key.name].items()
            if now_s - since_s < _EXPIRE_AFTER_S and holder != router
        }
        others = sum(streams for streams, _ in holders.values())
        granted = wanted if key.streams is None else max(0, min(wanted, key.streams - others))
        self._streams[key.name] = {**holders, router: (granted, now_s)}
        return granted

    def held(self, now_s: float) -> dict[str, int]:
        """Return the streams that routers hold, by the key's name."""
        return {
            name: sum(s for s, since_s in holders.values() if now_s - since_s < _EXPIRE_AFTER_S)
            for name, holders in self._streams.items()
        }


class QuotaService:
    """The Serve deployment of the quotas: one replica for all routers of an application."""

    def __init__(self) -> None:
        self._quotas = Quotas()

    async def grant(self, router: str, asks: list[Ask]) -> list[Grant]:
        """Return the grants in the order of `asks`."""
        now_s = time.monotonic()
        return [self._quotas.grant(router, ask, now_s) for ask in asks]

    async def held(self) -> dict[str, int]:
        """Return the streams that routers hold, by the key's name."""
        return self._quotas.held(time.monotonic())


def _take(window: Window, limit: int | None, wanted: int, now_s: float) -> int:
    if limit is None:
        return wanted
    granted = max(0, min(wanted, int(window.left(limit, now_s))))
    window.charge(granted, now_s)
    return granted


def _left(window: Window, limit: int | None, now_s: float) -> int:
    return 0 if limit is None else max(0, int(window.left(limit, now_s)))


def _wait_s(window: Window, limit: int | None, now_s: float) -> float:
    return 0.0 if limit is None else window.wait_s(limit, 1, now_s)
