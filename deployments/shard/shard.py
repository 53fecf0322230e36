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
from deployments.shard.draining import drained
from deployments.shard.host_network import stay_on
from deployments.shard.recording import RankCount, Recording
from deployments.shard.roster_line import RosterLine
from deployments.shard.scaler_line import ScalerLine
from deployments.wire.loss import Death, Loss
from deployments.wire.rank_entry import RankEntry

logger = logging.getLogger("ray.serve")


class ExpertShard:
    """One rank, healthy as long as its engine is; Serve restarts a gang that loses a rank."""

    async def __init__(  # type: ignore[misc]
        self, deployment: Deployment, roster: Any, scaler: Any
    ) -> None:
        # Serve awaits it.
        keep_log_open()
        began_s = time.monotonic()
        from deployments.identity import identity
        from deployments.shard.cache_feed import CacheFeed
        from deployments.shard.endpoint import Endpoint
        from deployments.shard.engine import Engine
        from deployments.shard.health.processes import Processes
        from deployments.shard.health.progress import Progress
        from deployments.shard.health.watch import Watch
        from deployments.shard.relay import Relay
        from deployments.vllm_config import rank_config

        context = serve.get_replica_context()
        gang = context.gang_context
        self._roster = roster
        self._replica = context.replica_id.unique_id
        self._host = ray.util.get_node_ip_address()
        stay_on(self._host)

        await self._wait_after_failures()
        async with asyncio.timeout(deployment.gangs.start_timeout_s):
            address, port = await self._meet(gang)
            self._cache = CacheFeed()
            config = rank_config(deployment, gang.rank, address, port, self._cache.endpoint)
            self._processes = Processes()
            engine_began_s = time.monotonic()
            self._engine = await asyncio.to_thread(Engine, config)
        self._endpoint = Endpoint(self._host, deployment.survival.death_s)
        num_experts, experts = await self._engine.held_experts()
        own_identity = await asyncio.to_thread(identity, deployment)
        self._entry = RankEntry(
            replica=self._replica,
            gang=gang.gang_id,
            rank=gang.rank,
            ranks=gang.world_size,
            node=ray.get_runtime_context().get_node_id(),
            endpoint=self._endpoint.address,
            server_public=self._endpoint.server_public,
            client_public=self._endpoint.client_public,
            client_secret=self._endpoint.client_secret,
            engine_pid=self._engine.pid,
            max_model_len=self._engine.max_model_len,
            kv_tokens=self._engine.kv_tokens,
            block_tokens=self._engine.block_tokens,
            prefix_hash=self._engine.prefix_hash,
            max_num_seqs=self._engine.max_num_seqs,
            max_num_batched_tokens=self._engine.max_num_batched_tokens,
            resumes_seeds=self._engine.resumes_seeds,
            num_experts=num_experts,
            experts=experts,
            identity=own_identity,
        )
        self._recording = Recording(self._engine, self._replica)
        survival = deployment.survival
        self._drain_s = survival.drain_s
        self._up_s = time.monotonic()
        progress = Progress(survival.silence_s, start_s=self._up_s - engine_began_s)
        kv_share = deployment.admission.kv_share
        self._relay = Relay(self._engine, self._endpoint, self._cache, kv_share, progress.add)
        self._line = RosterLine(roster, self._entry)
        self._watch = Watch(
            self._processes,
            progress,
            requests=lambda: self._relay.begun,
            step_tokens=lambda: self._line.step_tokens(self._relay.load().prefill_tokens),
            exit_code=self._engine.exit_code,
        )
        self._relaying = asyncio.create_task(self._relay.run())
        self._start_s = time.monotonic() - began_s
        self._scaler = ScalerLine(scaler, self._report) if scaler is not None else None
        self._tasks = [
            self._relaying,
            asyncio.create_task(self._line.run(self._relay.load)),
            asyncio.create_task(self._end_with_the_engine()),
        ]
        if self._scaler is not None:
            self._tasks.append(asyncio.create_task(self._scaler.run()))

    async def _wait_after_failures(self) -> None:
        """Let time pass before this gang starts, if the last ones failed soon after their start."""
        wait_s: float = await _until_it_works(self._roster.wait_s.remote)
        if wait_s:
            logger.warning("gangs fail again and again: this one starts in %.0f s", wait_s)
            await asyncio.sleep(wait_s)

    async def _meet(self, gang: Any) -> tuple[str, int]:
        if gang.rank != 0:
            met: tuple[str, int] = await _until_it_works(
                lambda: self._roster.join_meeting.remote(gang.gang_id)
            )
            return met
        place = self._host, _free_port(self._host)
        await _until_it_works(lambda: self._roster.host_meeting.remote(gang.gang_id, *place))
        return place

    async def _end_with_the_engine(self) -> None:
        """Wait for the end of the engine, leave nothing of it, say why, and end this process.

        Serve restarts a gang at once if a replica is gone, but only after three failed checks of
        its health, and these may be far apart.
        """
        end = await self._watch.end(self._relaying)
        self._processes.kill()
        await self._relay.say_dead(Death(end.how, end.steps))
        entry = self._entry
        loss = Loss(
            gang=entry.gang,
            rank=entry.rank,
            ranks=entry.ranks,
            node=self._host,
            how=end.how,
            doing=end.doing,
            steps=end.steps,
            start_s=self._start_s,
            lived_s=time.monotonic() - self._up_s,
        )
        if not await self._line.lose(loss):
            logger.error("rank %d of gang %s is lost: %s", entry.rank, entry.gang, end.doing)
        self._processes.close()
        self._cache.close()
        os._exit(1)

    def _report(self, told_gangs: int | None) -> RankReport:
        entry, load = self._entry, self._relay.load()
        return RankReport(
            replica=entry.replica,
            gang=entry.gang,
            ranks=entry.ranks,
            sequences=entry.max_num_seqs,
            kv_tokens=entry.kv_tokens,
            start_s=self._start_s,
            told_gangs=told_gangs,
            draining=load.draining,
            kv_used_tokens=int(load.kv_cache_usage * entry.kv_tokens),
            prefill_tokens=load.prefill_tokens,
            step=self._relay.steps.step,
        )

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve hands to `GangPolicy`."""
        return self._scaler.stats() if self._scaler else {}

    async def wake(self) -> None:
        """Do nothing: a router's call waits until there is a gang."""

    async def count_experts(self, recording: str, lease_s: float) -> RankCount:
        """Count for a Recording; `small4 shard record` calls this on every rank."""
        return await self._recording.count(recording, lease_s)

    async def check_health(self) -> None:
        if self._engine.dead:
            raise RuntimeError(f"the engine of rank {self._entry.rank} has died")
        if self._relaying.done():
            raise RuntimeError("the relay has stopped") from self._relaying.exception()

    async def __del__(self) -> None:
        if not hasattr(self, "_tasks"):
            return  # the engine didn't come up
        await self._drain()
        await self._line.withdraw()
        for task in self._tasks:
            task.cancel()
        self._endpoint.close()
        self._cache.close()
        await asyncio.to_thread(self._engine.shutdown)
        self._processes.close()

    async def _drain(self) -> None:
        """Let requests end while there is time; routers requeue the rest, as for a lost gang."""
        if self._relaying.done():
            return
        self._relay.drain()
        draining = drained(
            self._entry.gang,
            self._drain_s,
            lambda: self._relay.load().requests,
            self._roster.living.remote,
        )
        await asyncio.wait(
            {self._relaying, asyncio.ensure_future(draining)}, return_when="FIRST_COMPLETED"
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
