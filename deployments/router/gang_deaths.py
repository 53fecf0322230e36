"""Waits until it can be told which rank's engine died first: a gang's ranks all die together."""

import asyncio
from collections.abc import Callable

from deployments.scheduling.blame import to_blame
from deployments.wire.loss import Death
from deployments.wire.rank_entry import RankEntry

_WAIT_S = 1.5  # for the other ranks of the gang to say how they ended


class GangDeaths:
    """Collects what the ranks of a gang say as they die."""

    def __init__(self, on_verdict: Callable[[str, tuple[str, ...]], None]) -> None:
        """Call `on_verdict` with the gang, and the ids of the requests that may have ended it."""
        self._on_verdict = on_verdict
        self._deaths: dict[str, dict[str, Death]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, entry: RankEntry, death: Death) -> None:
        """Note how a rank's engine ended."""
        deaths = self._deaths.setdefault(entry.gang, {})
        deaths[entry.replica] = death
        if entry.gang not in self._timers:
            self._timers[entry.gang] = asyncio.get_running_loop().call_later(
                _WAIT_S, self._decide, entry.gang
            )
        if len(deaths) == entry.ranks:
            self._timers[entry.gang].cancel()
            # Soon, but after everybody knows that the rank is lost.
            asyncio.get_running_loop().call_soon(self._decide, entry.gang)

    def open(self, gang: str) -> bool:
        """Tell whether the gang is dying, and which rank was first can't be told yet."""
        return gang in self._deaths

    def _decide(self, gang: str) -> None:
        deaths = self._deaths.pop(gang)
        del self._timers[gang]
        self._on_verdict(gang, to_blame(deaths.values()))
