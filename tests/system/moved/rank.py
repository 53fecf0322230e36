"""One rank without Serve: the real engine, relay and endpoint, and a roster that lists the rank."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from configs.deployment import Deployment
from deployments.identity import identity
from deployments.shard.cache_feed import CacheFeed
from deployments.shard.endpoint import Endpoint
from deployments.shard.engine import Engine
from deployments.shard.held_experts import HeldExperts
from deployments.shard.relay import Pace, Relay
from deployments.vllm_config import rank_config
from deployments.wire.rank_entry import RankEntry
from tests.deployments.roster_entries import entry

# vLLM leaves a ZMQ context open, on which a garbage collector would wait for ever.
_ended: list[Engine] = []


class Worker(HeldExperts):
    """What the engine's worker is asked here, too."""

    def runs_ahead(self) -> bool:
        return bool(self.model_runner.use_async_scheduling)


class Roster:
    """A Serve handle of a roster that lists one rank, and has nothing new to tell."""

    def __init__(self, engine: Engine, listed: RankEntry) -> None:
        self._engine = engine
        self._listed = listed

    @property
    def living(self) -> "Roster":
        return self

    @property
    def next_change(self) -> "Roster":
        return self

    async def runs_ahead(self) -> bool:
        """Ask the engine whether it schedules a step while it computes the one before."""
        (answer,) = await self._engine._core.collective_rpc_async("runs_ahead")
        return bool(answer)

    async def remote(self, timeout_s: float = 0, _: object = None) -> list[RankEntry]:
        await asyncio.sleep(timeout_s)
        return [self._listed]


@asynccontextmanager
async def running_rank(deployment: Deployment) -> AsyncIterator[Roster]:
    """Run the only rank of a deployment, and list it in a roster."""
    cache, endpoint = CacheFeed(), Endpoint("127.0.0.1")
    config = rank_config(deployment, 0, "127.0.0.1", 0, cache.endpoint)
    config.parallel_config.worker_extension_cls = f"{__name__}.Worker"
    if deployment.engine.get("async_scheduling"):
        # vLLM turns it off on CPUs, which don't need it, but does it there, too.
        config.scheduler_config.async_scheduling = True
    engine = await asyncio.to_thread(Engine, config)
    relay = Relay(
        engine, endpoint, cache, deployment.admission.kv_share, Pace(int, lambda *_: None)
    )
    relaying = asyncio.create_task(relay.run())
    try:
        alike = {"identity": identity(deployment)}
        yield Roster(engine, _entry(engine, endpoint).model_copy(update=alike))
    finally:
        relaying.cancel()
        endpoint.close()
        cache.close()
        await asyncio.to_thread(engine.shutdown)
        _ended.append(engine)


def _entry(engine: Engine, endpoint: Endpoint) -> RankEntry:
    return entry().model_copy(
        update={
            "ranks": 1,
            "endpoint": endpoint.address,
            "server_public": endpoint.server_public,
            "client_public": endpoint.client_public,
            "client_secret": endpoint.client_secret,
            "engine_pid": engine.pid,
            "max_model_len": engine.max_model_len,
            "kv_tokens": engine.kv_tokens,
            "block_tokens": engine.block_tokens,
            "prefix_hash": engine.prefix_hash,
            "resumes_seeds": engine.resumes_seeds,
            "max_num_seqs": engine.max_num_seqs,
            "max_num_batched_tokens": engine.max_num_batched_tokens,
        }
    )
