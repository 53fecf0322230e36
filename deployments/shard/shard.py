"""The expert shard: a Serve replica that hosts one data-parallel rank of a gang."""

import asyncio
import logging
import os
import socket
import time
from typing import Any

import ray
from ray import serve

from configs.deployment import Deployment
from deployments.autoscaling.reports import RankReport
from deployments.ray_serve.log import keep_log_open
from deployments.ray_serve.starting import starting
from deployments.shard.draining import drained
from deployments.shard.host_network import stay_on
from deployments.shard.membership import Membership
from deployments.shard.recording import RankCount
from deployments.shard.restarts import Restarts
from deployments.shard.scaler_line import ScalerLine

logger = logging.getLogger("ray.serve")

_GONE_S = 10.0  # for the processes of a lost engine to be gone


class ExpertShard:
    """One rank, whose engine is started again here if it dies; else Serve restarts the gang."""

    async def __init__(  # type: ignore[misc]
        self, deployment: Deployment, roster: Any, scaler: Any
    ) -> None:
        # Serve awaits it.
        keep_log_open()
        began_s = time.monotonic()
        context = serve.get_replica_context()
        gang = context.gang_context
        self._deployment = deployment
        self._roster = roster
        self._membership = Membership(
            context.replica_id.unique_id, gang.gang_id, gang.rank, gang.world_size
        )
        self._host = ray.util.get_node_ip_address()
        stay_on(self._host)

        await self._wait_after_failures()
        async with asyncio.timeout(deployment.gangs.start_timeout_s):
            with starting():
                await self._start(self._membership)
        self._restarts = Restarts()
        self._restarting = False
        self._start_s = time.monotonic() - began_s
        self._scaler = ScalerLine(scaler, self._report) if scaler is not None else None
        self._tasks = [asyncio.create_task(self._live())]
        if self._scaler is not None:
            self._tasks.append(asyncio.create_task(self._scaler.run()))

    async def _start(self, membership: Membership, engine_start_s: float | None = None) -> None:
        from deployments.shard.rank import Rank

        place = await self._meet(membership)
        rank = Rank(self._deployment, membership, self._roster, self._host)
        await rank.start(*place, engine_start_s)
        self._rank = rank

    async def _wait_after_failures(self) -> None:
        """Let time pass before this gang starts, if the last ones failed soon after their start."""
        wait_s: float = await _until_it_works(self._roster.wait_s.remote)
        if wait_s:
            logger.warning("gangs fail again and again: this one starts in %.0f s", wait_s)
            await asyncio.sleep(wait_s)

    async def _meet(self, membership: Membership) -> tuple[str, int]:
        gang = membership.gang
        if membership.rank != 0:
            met: tuple[str, int] = await _until_it_works(
                lambda: self._roster.join_meeting.remote(gang)
            )
            return met
        place = self._host, _free_port(self._host)
        await _until_it_works(lambda: self._roster.host_meeting.remote(gang, *place))
        return place

    async def _live(self) -> None:
        """Start the engine again whenever it is lost, as long as that may help; end this process.

        Serve restarts a gang at once if a replica is gone, but only after three failed checks of
        its health, and these may be far apart.
        """
        try:
            while await self._again():
                pass
        except Exception:
            logger.exception("the engine can't be started again here: Serve restarts the gang")
        self._rank.processes.close()
        self._rank.cache.close()
        os._exit(1)

    async def _again(self) -> bool:
        """Wait for the end of the engine, and start it again; return False if that is for Serve."""
        lost, ended = self._rank, await self._rank.end()
        self._restarting = True
        loss = await lost.lose(ended, self._start_s)
        warm = self._deployment.survival.warm
        if not (warm and self._restarts.may(loss.how, loss.lived_s, self._start_s)):
            return False
        async with asyncio.timeout(self._start_s):  # beyond that a new process is no slower
            await lost.close()
            if not await asyncio.to_thread(lost.processes.gone, _GONE_S):
                return False
            await self._start(self._membership.again(self._restarts.count), lost.engine_start_s)
        self._restarting = False
        return True

    def _report(self, told_gangs: int | None) -> RankReport:
        # Under Serve's names, which last: it is one gang to the scaler, however often it starts.
        names, entry, load = self._membership, self._rank.entry, self._rank.relay.load()
        return RankReport(
            replica=names.replica,
            gang=names.gang,
            ranks=names.ranks,
            sequences=entry.max_num_seqs,
            kv_tokens=entry.kv_tokens,
            start_s=self._start_s,
            told_gangs=told_gangs,
            draining=load.draining,
            kv_used_tokens=int(load.kv_cache_usage * entry.kv_tokens),
            prefill_tokens=load.prefill_tokens,
            step=self._rank.relay.steps.step,
        )

    def reconfigure(self, user_config: dict[str, str]) -> None:
        """Take Serve's user_config, which counts at the start alone."""

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve hands to `GangPolicy`."""
        return self._scaler.stats() if self._scaler else {}

    async def wake(self) -> None:
        """Do nothing: a router's call waits until there is a gang."""

    async def count_experts(self, recording: str, lease_s: float) -> RankCount:
        """Count for a Recording; `small4 shard record` calls this on every rank."""
        return await self._rank.recording.count(recording, lease_s)

    async def check_health(self) -> None:
        if not self._restarting:  # that has a limit of its own
            self._rank.check()

    async def __del__(self) -> None:
        if not hasattr(self, "_tasks"):
            return  # the engine didn't come up
        await self._drain()
        for task in self._tasks:
            task.cancel()
        if not self._restarting:
            await self._rank.withdraw()

    async def _drain(self) -> None:
        """Let requests end while there is time; routers requeue the rest, as for a lost gang."""
        rank = self._rank
        if rank.relaying.done():
            return
        rank.relay.drain()
        draining = drained(
            rank.entry.gang,
            self._deployment.survival.drain_s,
            lambda: rank.relay.load().requests,
            self._roster.living.remote,
        )
        await asyncio.wait(
            {rank.relaying, asyncio.ensure_future(draining)}, return_when="FIRST_COMPLETED"
        )


async def _until_it_works(call: Any) -> Any:
    """Call until it works, and return the answer: the roster may still be starting."""
    while True:
        try:
            return await call()
        except Exception:
            await asyncio.sleep(1)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
