"""The expert shard: a Serve replica that hosts one data-parallel rank of a gang."""

import asyncio
import contextlib
import os
import socket
from typing import Any

import ray
from ray import serve
from ray.serve.config import GangSchedulingConfig

from configs.deployment import Deployment
from deployments import serve_log
from deployments.roster import RENEW_EVERY_S, RankEntry


class ExpertShard:
    """Healthy as long as its engine is; Serve restarts the whole gang when one rank isn't."""

    async def __init__(self, deployment: Deployment, roster: Any) -> None:  # type: ignore[misc]
        # Serve awaits it.
        serve_log.keep_open()
        from deployments.shard.cache_feed import CacheFeed
        from deployments.shard.endpoint import Endpoint
        from deployments.shard.engine import Engine
        from deployments.shard.relay import Relay
        from deployments.vllm_arguments import rank_config

        context = serve.get_replica_context()
        gang = context.gang_context
        self._roster = roster
        self._replica = context.replica_id.unique_id
        self._host = ray.util.get_node_ip_address()
        # vLLM's own sockets between ranks stay on the address that Ray uses.
        os.environ["VLLM_HOST_IP"] = self._host

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
        kv_share = deployment.admission.kv_share
        relay = Relay(self._engine, self._endpoint, self._cache, kv_share)
        self._relay = asyncio.create_task(relay.run())
        self._renewal = asyncio.create_task(self._renew(relay))

    async def _meet(self, gang: Any) -> tuple[str, int]:
        if gang.rank != 0:
            met: tuple[str, int] = await _patiently(
                lambda: self._roster.join_meeting.remote(gang.gang_id)
            )
            return met
        place = self._host, _free_port(self._host)
        await _patiently(lambda: self._roster.host_meeting.remote(gang.gang_id, *place))
        return place

    async def _renew(self, relay: Any) -> None:
        while not self._relay.done():
            load = relay.load()
            entry = self._entry.model_copy(
                update={"requests": load.requests, "waiting_requests": load.waiting_requests}
            )
            with contextlib.suppress(Exception):  # the roster may be restarting
                await self._roster.renew.remote(entry)
            await asyncio.sleep(RENEW_EVERY_S)

    async def check_health(self) -> None:
        if self._engine.dead:
            raise RuntimeError(f"the engine of rank {self._entry.rank} has died")
        if self._relay.done():
            raise RuntimeError("the relay has stopped") from self._relay.exception()

    async def __del__(self) -> None:
        if not hasattr(self, "_renewal"):
            return  # the engine didn't come up
        with contextlib.suppress(Exception):
            await self._roster.withdraw.remote(self._replica)
        for task in (self._renewal, self._relay):
            task.cancel()
        self._endpoint.close()
        self._cache.close()
        await asyncio.to_thread(self._engine.shutdown)


async def _patiently(call: Any) -> Any:
    """Calls until it works: the roster's own replica may still be starting."""
    while True:
        try:
            return await call()
        except Exception:
            await asyncio.sleep(1)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def shard_deployment(deployment: Deployment) -> Any:
    gangs = deployment.gangs
    return serve.deployment(
        ExpertShard,
        # Serve doesn't replace a gang by one of another size, but one deployment by another.
        name=f"ExpertShardEP{gangs.ranks}",
        num_replicas=gangs.count * gangs.ranks,
        gang_scheduling_config=GangSchedulingConfig(
            gang_size=gangs.ranks, gang_placement_strategy=gangs.placement
        ),
        ray_actor_options=gangs.resources.model_dump(),
        health_check_period_s=1,
        health_check_timeout_s=30,
        graceful_shutdown_timeout_s=30,
    )
