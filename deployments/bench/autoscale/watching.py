"""Records what the scaler sees and decides while a scenario is played."""

import asyncio
from typing import Any

from deployments.autoscaling.observation import Capacity
from deployments.bench.autoscale.playing import Playing
from deployments.simulation.outcome import Look


class Watching:
    """Asks `scaler`, a Serve handle, every `every_s`, and keeps the answers as `looks`."""

    def __init__(self, scaler: Any, playing: Playing, every_s: float) -> None:
        self.looks: list[Look] = []
        self.capacity: Capacity | None = None  # of a gang, as measured last
        self._scaler = scaler
        self._playing = playing
        self._every_s = every_s

    async def run(self) -> None:
        """Ask the scaler again and again, until cancelled."""
        sent = 0
        while True:
            seen, decision = await self._scaler.state.remote()
            if seen is not None and decision is not None:
                loads = seen.classes.values()
                look = Look(
                    at_s=self._playing.now_s,
                    arrived=self._playing.sent - sent,
                    queued=sum(load.queued_requests for load in loads),
                    running=sum(load.running for load in loads),
                    gangs=seen.gangs,
                    wanted=decision.gangs,
                    ttft_s=seen.ttft_s,
                    reason=decision.reason,
                )
                self.looks.append(look)
                sent, self.capacity = self._playing.sent, seen.capacity or self.capacity
            await asyncio.sleep(self._every_s)

    @property
    def gang_s(self) -> float:
        """Gang-seconds: each gang counts from when it was asked for until it was gone."""
        held = (look.gangs.staying + look.gangs.draining for look in self.looks)
        return sum(held) * self._every_s
