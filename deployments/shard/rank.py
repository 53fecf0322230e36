"""One rank while its engine lives: the engine, and all that exists for this engine alone."""

import asyncio
import logging
import time
from typing import Any

import ray

from configs.deployment import Deployment
from deployments.identity import identity
from deployments.shard.cache_feed import CacheFeed
from deployments.shard.endpoint import Endpoint
from deployments.shard.engine import Engine
from deployments.shard.health.processes import Processes
from deployments.shard.health.progress import Progress
from deployments.shard.health.watch import End, Watch
from deployments.shard.membership import Membership
from deployments.shard.recording import Recording
from deployments.shard.relay import Pace, Relay
from deployments.shard.roster_line import RosterLine
from deployments.shard.warm.forkserver import forkserver
from deployments.vllm_config import rank_config
from deployments.wire.loss import Death, Loss
from deployments.wire.rank_entry import RankEntry

logger = logging.getLogger("ray.serve")


class Rank:
    """Carries requests between routers and an engine, from its start to its end."""

    def __init__(
        self, deployment: Deployment, membership: Membership, roster: Any, host: str
    ) -> None:
        """Take where the ranks of the gang are listed (a Serve handle), and this node's address."""
        self._deployment = deployment
        self._membership = membership
        self._roster = roster
        self._host = host

    async def start(self, address: str, port: int, start_s: float | None = None) -> None:
        """Start the engine, with all ranks of the gang, which meet at `address:port`.

        `start_s` is how long an earlier engine of this replica took.
        """
        began_s = time.monotonic()
        survival = self._deployment.survival
        self.cache = CacheFeed()
        config = rank_config(
            self._deployment, self._membership.rank, address, port, self.cache.endpoint
        )
        self.processes = Processes()
        configured_s = time.monotonic()
        # It has the environment that the config has made, so it comes after that. What vLLM binds
        # to a NUMA node must be spawned.
        warm = survival.warm and not config.parallel_config.numa_bind
        forks = await asyncio.to_thread(forkserver) if warm else None
        warm_s = time.monotonic()
        self.engine = await asyncio.to_thread(Engine, config, forks)
        self.up_s = time.monotonic()
        self.engine_start_s = start_s or self.up_s - configured_s
        self.endpoint = Endpoint(self._host, survival.death_s)
        self.entry = await self._entry()
        self.recording = Recording(self.engine, self.entry.replica)
        self._connect(Progress(survival.silence_s, self.engine_start_s))
        logger.info(
            "rank %d of gang %s is up: configured after %.2f s, warm %.2f s later, its engine %.2f",
            *(self.entry.rank, self.entry.gang, configured_s - began_s),
            *(warm_s - configured_s, self.up_s - warm_s),
        )

    async def _entry(self) -> RankEntry:
        engine, endpoint, membership = self.engine, self.endpoint, self._membership
        num_experts, experts = await engine.held_experts()
        own_identity = await asyncio.to_thread(identity, self._deployment)
        return RankEntry(
            replica=membership.replica,
            gang=membership.gang,
            rank=membership.rank,
            ranks=membership.ranks,
            node=ray.get_runtime_context().get_node_id(),
            endpoint=endpoint.address,
            server_public=endpoint.server_public,
            client_public=endpoint.client_public,
            client_secret=endpoint.client_secret,
            engine_pid=engine.pid,
            max_model_len=engine.max_model_len,
            kv_tokens=engine.kv_tokens,
            block_tokens=engine.block_tokens,
            prefix_hash=engine.prefix_hash,
            max_num_seqs=engine.max_num_seqs,
            max_num_batched_tokens=engine.max_num_batched_tokens,
            resumes_seeds=engine.resumes_seeds,
            num_experts=num_experts,
            experts=experts,
            identity=own_identity,
        )

    def _connect(self, progress: Progress) -> None:
        kv_share = self._deployment.admission.kv_share
        self.relay = Relay(
            *(self.engine, self.endpoint, self.cache, kv_share),
            Pace(self.processes.steps, progress.add),
        )
        self.line = RosterLine(self._roster, self.entry)
        self._watch = Watch(
            self.processes,
            progress,
            requests=lambda: self.relay.begun,
            step_tokens=lambda: self.line.step_tokens(self.relay.load().prefill_tokens),
            exit_code=self.engine.exit_code,
        )
        self.relaying = asyncio.create_task(self.relay.run())
        self._renewing = asyncio.create_task(self.line.run(self.relay.load))

    async def end(self) -> End:
        """Wait for the engine's end, or for that of another rank, without which it can't go on."""
        if not self._deployment.survival.warm or self.entry.ranks == 1:
            return await self._watch.end(self.relaying)  # Serve ends all ranks of the gang
        return await self._watch.end_in_gang(self.relaying, self.line.gang_ends())

    async def lose(self, end: End, start_s: float) -> Loss:
        """Leave nothing of the engine, and say why: to routers, and in the roster.

        `start_s` is what a gang takes to start.
        """
        self._renewing.cancel()  # an entry that is renewed says that the gang goes on
        self.processes.kill()
        await self.relay.say_dead(Death(end.how, end.steps, self.relay.suspects(end)))
        loss = Loss(
            gang=self.entry.gang,
            rank=self.entry.rank,
            ranks=self.entry.ranks,
            node=self._host,
            how=end.how,
            doing=end.doing,
            steps=end.steps,
            start_s=start_s,
            lived_s=time.monotonic() - self.up_s,
        )
        if not await self.line.lose(loss):
            logger.error("rank %d of gang %s is lost: %s", loss.rank, loss.gang, end.doing)
        return loss

    def check(self) -> None:
        """Raise RuntimeError if the engine or the relay has ended."""
        if self.engine.dead:
            raise RuntimeError(f"the engine of rank {self.entry.rank} has died")
        if self.relaying.done():
            raise RuntimeError("the relay has stopped") from self.relaying.exception()

    async def withdraw(self) -> None:
        """Say that the rank goes, and end it."""
        await self.line.withdraw()
        await self.close()

    async def close(self) -> None:
        """End what there is of the rank."""
        self._renewing.cancel()
        self.relaying.cancel()
        self.endpoint.close()
        self.cache.close()
        await asyncio.to_thread(self.engine.shutdown)
        self.processes.close()
