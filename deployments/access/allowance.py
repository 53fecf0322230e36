"""What one router may still spend of a key's limits."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from configs.keys import Key
from deployments.access.quotas import Ask, Grant

Limited = Literal["requests", "tokens", "streams"]
_AHEAD = 0.01  # of a limit, held by each router beyond what it needs now


@dataclass(slots=True)
class Allowance:
    """One router's part of a key's limits: grants fill it, requests spend it.

    Tokens below 0 are owed.
    """

    key: Key
    requests: int = 0
    tokens: int = 0
    streams: int = 0  # held, of which `open` are in use
    open: int = 0
    waiting: Counter[Limited] = field(default_factory=Counter)  # requests, by limit
    latest: Grant = field(default_factory=Grant)

    def lacks(self, limited: Limited) -> bool:
        """Tell whether a further request finds nothing left of a limit."""
        key = self.key
        match limited:
            case "streams":
                return key.streams is not None and self.streams <= self.open
            case "tokens":
                return key.tokens_per_minute is not None and self.tokens < 1
            case "requests":
                return key.requests_per_minute is not None and self.requests < 1

    def spend_request(self) -> None:
        if self.key.requests_per_minute is not None:
            self.requests -= 1

    def spend(self, tokens: int) -> None:
        if self.key.tokens_per_minute is not None:
            self.tokens -= tokens

    def needs(self) -> bool:
        """Tell whether the next message to the service must ask for this key."""
        ask = self.ask()
        return bool(ask.requests or ask.tokens or ask.owed_tokens or ask.streams or self.streams)

    def is_low(self) -> bool:
        """Tell whether to ask for more now, before a request has to wait."""
        key = self.key
        return (
            _is_low(key.requests_per_minute, self.requests)
            or _is_low(key.tokens_per_minute, self.tokens)
            or _is_low(key.streams, self.streams - self.open)
        )

    def is_idle(self) -> bool:
        """Tell whether it holds streams that another router may lack."""
        spare = self.streams - self.open - self.waiting["streams"]
        return self.key.streams is not None and spare > 2 * _ahead(self.key.streams)

    def ask(self) -> Ask:
        key = self.key
        return Ask(
            key=key,
            requests=_short_of(key.requests_per_minute, self.waiting["requests"], self.requests),
            tokens=_short_of(key.tokens_per_minute, self.waiting["tokens"], max(0, self.tokens)),
            owed_tokens=max(0, -self.tokens),
            streams=_short_of(key.streams, self.waiting["streams"] + self.open, 0),
        )

    def asked(self, ask: Ask) -> None:
        """Count `ask` as sent: its owed tokens are paid, streams that it gives back are gone."""
        self.tokens += ask.owed_tokens
        self.streams = min(self.streams, ask.streams)

    def take(self, grant: Grant) -> None:
        self.requests += grant.requests
        self.tokens += grant.tokens
        self.streams = grant.streams
        self.latest = grant

    def wait_s(self, limited: Limited) -> float:
        """Return the seconds after which a refused request may find some of a limit left."""
        waits = {"requests": self.latest.requests_wait_s, "tokens": self.latest.tokens_wait_s}
        return max(1.0, waits.get(limited, 1.0))

    def headers(self) -> dict[str, str]:
        """Return OpenAI's `x-ratelimit-*` headers."""
        limits: tuple[tuple[Limited, int | None, int, int], ...] = (
            ("requests", self.key.requests_per_minute, self.requests, self.latest.requests_left),
            ("tokens", self.key.tokens_per_minute, self.tokens, self.latest.tokens_left),
        )
        headers = {}
        for name, limit, held, left in limits:
            if limit is not None:
                remaining = max(0, min(limit, held + left))
                reset_s = 0.0 if remaining else self.wait_s(name)
                headers[f"x-ratelimit-limit-{name}"] = str(limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(remaining)
                headers[f"x-ratelimit-reset-{name}"] = f"{reset_s:.2f}s"
        return headers


def _short_of(limit: int | None, needed: int, held: int) -> int:
    """Return how much to ask for; 0 if there is no limit."""
    return 0 if limit is None else max(0, needed + _ahead(limit) - held)


def _is_low(limit: int | None, held: int) -> bool:
    return limit is not None and 2 * held < _ahead(limit)


def _ahead(limit: int) -> int:
    """Return how much to hold in reserve.

    It is 0 for a small limit: another router may need the last request.
    """
    return int(limit * _AHEAD)
