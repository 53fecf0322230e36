"""Carries requests from routers to one engine, and each step's outputs back to their owners."""

import asyncio
import logging
from collections import defaultdict

import msgspec
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs
from vllm.v1.metrics.stats import SchedulerStats

from deployments.shard.endpoint import Endpoint
from deployments.shard.engine import Engine, EngineDeadError
from deployments.wire import Codec, Frames, Load, ToRouter, ToShard

logger = logging.getLogger("ray.serve")

_LOAD_EVERY_S = 1.0


class Relay:
    """Runs until its engine dies."""

    def __init__(self, engine: Engine, endpoint: Endpoint) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self._codec = Codec()
        self._owners: dict[str, bytes] = {}  # request id → router
        self._routers: set[bytes] = set()
        self._stats = SchedulerStats()  # as of the engine's last step

    async def run(self) -> None:
        """Returns when the engine is dead and every router has been told."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_requests())
                tasks.create_task(self._give_outputs())
                tasks.create_task(self._report_load())
        except* EngineDeadError:
            for router in self._routers:
                await self._endpoint.send(router, ToRouter.DEAD)

    async def _take_requests(self) -> None:
        while True:
            router, kind, body = await self._endpoint.receive()
            self._routers.add(router)
            match kind:
                case ToShard.ADD:
                    await self._add(router, body)
                case ToShard.ABORT:
                    await self._abort(msgspec.msgpack.decode(body[0].buffer, type=list[str]))
                case ToShard.HELLO:
                    await self._send(router, ToRouter.LOAD, [self._encoded_load()])

    async def _add(self, router: bytes, body: Frames) -> None:
        try:
            request = self._codec.request(body)
        except msgspec.MsgspecError as error:
            # Router and shard of different versions, or not a router at all.
            logger.error("dropped a request that can't be decoded: %s", error)
            return
        self._owners[request.request_id] = router
        await self._engine.add(request)

    async def _abort(self, request_ids: list[str]) -> None:
        owned = [one for one in request_ids if self._owners.pop(one, None) is not None]
        if owned:
            await self._engine.abort(owned)

    async def _give_outputs(self) -> None:
        while True:
            step = await self._engine.outputs()
            self._stats = step.scheduler_stats or self._stats
            shares = self._by_owner(step.outputs)
            load = self._encoded_load()
            for router, outputs in shares.items():
                share = self._codec.encode(EngineCoreOutputs(outputs=outputs))
                await self._send(router, ToRouter.OUTPUTS, [load, *share])

    def _by_owner(self, outputs: list[EngineCoreOutput]) -> dict[bytes, list[EngineCoreOutput]]:
        shares: defaultdict[bytes, list[EngineCoreOutput]] = defaultdict(list)
        for output in outputs:
            owner = self._owners.get(output.request_id)
            if owner is None:
                continue  # aborted meanwhile
            shares[owner].append(output)
            if output.finished:
                del self._owners[output.request_id]
        return shares

    async def _report_load(self) -> None:
        while True:
            await asyncio.sleep(_LOAD_EVERY_S)
            for router in list(self._routers):
                await self._send(router, ToRouter.LOAD, [self._encoded_load()])

    def load(self) -> Load:
        """How busy this rank is. An engine without requests doesn't step, so says nothing new."""
        if not self._owners:
            return Load()
        stats = self._stats
        return Load(len(self._owners), stats.num_waiting_reqs, stats.kv_cache_usage)

    def _encoded_load(self) -> bytes:
        return msgspec.msgpack.encode(self.load())

    async def _send(self, router: bytes, kind: ToRouter, body: Frames) -> None:
        if not await self._endpoint.send(router, kind, body):
            self._routers.discard(router)
            await self._abort([one for one, owner in self._owners.items() if owner == router])
