"""The expert shard: a Serve replica that hosts one data-parallel rank of a gang."""

import asyncio
import contextlib
import socket
import time
from typing import Any

import ray
from ray import serve

from configs.deployment import Deployment
from deployments.autoscaling.reports import RankReport
from deployments.ray_serve.log import keep_log_open
from deployments.roster import RENEW_EVERY_S
from deployments.shard.draining import drained
from deployments.shard.host_network import stay_on
from deployments.shard.recording import RankCount, Recording
from deployments.shard.scaler_line import ScalerLine
from deployments.wire.rank_entry import RankEntry

_SHOWN = ("requests", "waiting_requests", "draining")  # fields of its load that the roster shows


class ExpertShard:
    """One rank, healthy as long as its engine is; Serve restarts a gang that loses a rank."""

    async def __init__(  # type: ignore[misc]
        self, deployment: Deployment, roster: Any, scaler: Any
    ) -> None:
        # Serve awaits it.
        keep_log_open()
        began_s = time.monotonic()
        from deployments.shard.cache_feed import CacheFeed
        from deployments.shard.endpoint import Endpoint
        from deployments.shard.engine import Engine
        from deployments.shard.relay import Relay
        from deployments.vllm_config import rank_config

        context = serve.get_replica_context()
        gang = context.gang_context
        self._roster = roster
        self._replica = context.replica_id.unique_id
        self._host = ray.util.get_node_ip_address()
        stay_on(self._host)

        async with asyncio.timeout(deployment.gangs.start_timeout_s):
            address, port = await self._meet(gang)
            self._cache = CacheFeed()
            config = rank_config(deployment, gang.rank, address, port, self._cache.endpoint)
            self._engine = await asyncio.to_thread(Engine, config)
        self._endpoint = Endpoint(self._host)
        num_experts, experts = await self._engine.held_experts()
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
            num_experts=num_experts,
            experts=experts,
        )
        self._recording = Recording(self._engine, self._replica)
        kv_share = deployment.admission.kv_share
        self._drain_s = deployment.survival.drain_s
        self._relay = Relay(self._engine, self._endpoint, self._cache, kv_share)
        self._relaying = asyncio.create_task(self._relay.run())
        self._renewal = asyncio.create_task(self._renew())
        self._start_s = time.monotonic() - began_s
        self._scaler = ScalerLine(scaler, self._report) if scaler is not None else None
        self._reporting = asyncio.create_task(self._scaler.run()) if self._scaler else None

    async def _meet(self, gang: Any) -> tuple[str, int]:
        if gang.rank != 0:
            met: tuple[str, int] = await _until_it_works(
                lambda: self._roster.join_meeting.remote(gang.gang_id)
            )
            return met
        place = self._host, _free_port(self._host)
        await _until_it_works(lambda: self._roster.host_meeting.remote(gang.gang_id, *place))
        return place

    async def _renew(self) -> None:
        while not self._relaying.done():
            load = self._relay.load()
            shown = {name: getattr(load, name) for name in _SHOWN}
            with contextlib.suppress(Exception):  # the roster may be restarting
                await self._roster.renew.remote(self._entry.model_copy(update=shown))
            await asyncio.sleep(RENEW_EVERY_S)

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
        if not hasattr(self, "_renewal"):
            return  # the engine didn't come up
        await self._drain()
        with contextlib.suppress(Exception):
            await self._roster.withdraw.remote(self._replica)
        for task in (self._renewal, self._relaying, self._reporting):
            if task is not None:
                task.cancel()
        self._endpoint.close()
        self._cache.close()
        await asyncio.to_thread(self._engine.shutdown)

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
