"""Carries requests from routers to one engine, and each step's outputs back to their owners."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest
from vllm.v1.metrics.stats import SchedulerStats

from deployments.autoscaling.step_fit import StepFit
from deployments.shard.cache_feed import CacheFeed
from deployments.shard.endpoint import Endpoint
from deployments.shard.engine import Engine, EngineDeadError
from deployments.shard.health.watch import End
from deployments.shard.ledger import Ledger
from deployments.wire.codec import Codec, Frames
from deployments.wire.load import Load
from deployments.wire.loss import Death
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.resumed_tokens import resumed_tokens

logger = logging.getLogger("ray.serve")

_LOAD_EVERY_S = 1.0
_NEWS_EVERY_S = 0.02  # how often, and how late, routers hear of each other's requests


@dataclass(frozen=True, slots=True)
class Pace:
    """How an engine's steps are followed."""

    steps: Callable[[], int]  # that it has begun
    on_step: Callable[[int, float], None]  # is called with the tokens and seconds of each


class Relay:
    """Connects one engine to routers, until the engine dies."""

    def __init__(
        self,
        engine: Engine,
        endpoint: Endpoint,
        cache: CacheFeed,
        kv_share: float,
        pace: Pace,
    ) -> None:
        """Let a share of the engine's cache be promised: kv_share is 0 to 1."""
        self._engine = engine
        self._endpoint = endpoint
        self._cache = cache
        self._codec = Codec()
        # Half of each sequence's share of the cache when as many run as may.
        least_answer_tokens = engine.kv_tokens // (2 * engine.max_num_seqs)
        self._ledger = Ledger(engine.block_tokens, max(1, least_answer_tokens))
        self._held: deque[EngineCoreRequest] = deque()  # until the cache has room
        self._limit_tokens = int(kv_share * engine.kv_tokens)
        self._routers: set[bytes] = set()
        self._news = asyncio.Event()  # for routers that get no outputs with it
        self._stats = SchedulerStats()  # as of the engine's last step
        self._draining = False
        self._stepped_at_s: float | None = None  # if the engine has had work ever since
        self.steps = StepFit()
        self._pace = pace

    async def run(self) -> None:
        """Relay until the engine is dead."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_requests())
                tasks.create_task(self._give_outputs())
                tasks.create_task(self._report_load())
                tasks.create_task(self._report_cache())
                tasks.create_task(self._follow_disconnections())
        except* EngineDeadError:
            pass

    async def say_dead(self, death: Death) -> None:
        """Tell every router that the engine is gone."""
        for router in self._routers:
            await self._endpoint.send(router, ToRouter.DEAD, [msgspec.msgpack.encode(death)])

    async def _take_requests(self) -> None:
        while True:
            router, kind, body = await self._endpoint.receive()
            self._routers.add(router)
            match kind:
                case ToShard.ADD:
                    await self._add(router, body)
                case ToShard.ABORT:
                    aborted = msgspec.msgpack.decode(body[0].buffer, type=list[str])
                    await self._abort(router, aborted)
                case ToShard.HELLO:
                    await self._send(router, ToRouter.LOAD, [self._encoded_load(router)])
                    held = msgspec.msgpack.encode(self._cache.all_held())
                    await self._send(router, ToRouter.CACHE, [held])

    async def _add(self, router: bytes, body: Frames) -> None:
        try:
            cached_tokens = msgspec.msgpack.decode(body[0].buffer, type=list[int])
            requests = self._codec.requests(body[1:])
        except msgspec.MsgspecError as error:
            # Router and shard of different versions, or not a router at all.
            logger.error("dropped requests that can't be decoded: %s", error)
            return
        for request, cached in zip(requests, cached_tokens, strict=True):
            self._ledger.add(router, request.request_id, *tokens_asked(request), cached)
            self._held.append(request)
        await self._begin()
        self._tell_others()

    async def _begin(self) -> None:
        """Give the engine the requests that its cache has room for, in order."""
        while self._held:
            begun = self._ledger.begin(
                self._held[0].request_id, self._limit_tokens, self._pace.steps()
            )
            if begun is False:
                return
            request = self._held.popleft()
            if begun:
                await self._engine.add(request)

    async def _abort(self, router: bytes, request_ids: list[str]) -> None:
        if known := self._ledger.abort(router, request_ids):
            await self._engine.abort(known)
            await self._begin()
            self._tell_others()

    async def _give_outputs(self) -> None:
        while True:
            step = await self._engine.outputs()
            self._stats = step.scheduler_stats or self._stats
            self._count(step.scheduler_stats)
            for router, outputs in self._by_owner(step.outputs).items():
                share = self._codec.encode(EngineCoreOutputs(outputs=outputs))
                await self._send(router, ToRouter.OUTPUTS, [self._encoded_load(router), *share])
            self._stepped_at_s = time.monotonic() if len(self._ledger) else None
            await self._begin()
            self._tell_others()

    def _count(self, stats: SchedulerStats | None) -> None:
        """Count the work of a step: chunks of a prompt bring no output, yet are done."""
        if stats is None or (step := stats.iteration_details) is None:
            return
        if step.num_ctx_tokens:
            self._ledger.prefilled(step.num_ctx_tokens)
            self._news.set()
        # From step to step: what an engine does between two is part of the time of a token.
        seconds = step.elapsed_ms / 1000
        self._pace.on_step(step.num_ctx_tokens + step.num_generation_tokens, seconds)
        if self._stepped_at_s is not None:
            # But steps that have waited for this process come all at once.
            seconds = max(seconds, time.monotonic() - self._stepped_at_s)
        if not step.is_dummy:  # a dummy step only keeps pace with the gang
            self.steps.add(step.num_generation_requests, step.num_ctx_tokens, seconds)

    def _by_owner(self, outputs: list[EngineCoreOutput]) -> dict[bytes, list[EngineCoreOutput]]:
        shares: defaultdict[bytes, list[EngineCoreOutput]] = defaultdict(list)
        for output in outputs:
            new_tokens = len(output.new_token_ids)
            owner = self._ledger.step(output.request_id, new_tokens, finished=output.finished)
            if owner is not None:
                shares[owner].append(output)
        return shares

    def _tell_others(self) -> None:
        if len(self._routers) > 1:
            self._news.set()

    async def _report_load(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOAD_EVERY_S):
                    await self._news.wait()
            self._news.clear()
            for router in list(self._routers):
                await self._send(router, ToRouter.LOAD, [self._encoded_load(router)])
            await asyncio.sleep(_NEWS_EVERY_S)

    async def _follow_disconnections(self) -> None:
        """Find out at once which router is gone: a message to it can't be sent."""
        while True:
            await self._endpoint.disconnection()
            self._news.set()

    async def _report_cache(self) -> None:
        while True:
            change = msgspec.msgpack.encode(await self._cache.next_change())
            for router in list(self._routers):
                await self._send(router, ToRouter.CACHE, [change])

    @property
    def begun(self) -> int:
        """Number of requests that the engine has."""
        return self._ledger.begun

    def suspects(self, end: End) -> tuple[str, ...]:
        """Return the requests that may have ended the engine.

        Whoever kills it from outside may do so just when a request comes.
        """
        ledger = self._ledger
        return ledger.in_steps(end.steps) if end.from_outside else ledger.ids()

    def drain(self) -> None:
        """Tell routers to send nothing new from now on."""
        self._draining = True
        self._news.set()

    def load(self, router: bytes = b"") -> Load:
        """Return how busy this rank is.

        An engine without requests doesn't step: its last statistics are out of date.
        """
        ledger, stats = self._ledger, self._stats if len(self._ledger) else SchedulerStats()
        return Load(
            requests=len(ledger),
            waiting_requests=stats.num_waiting_reqs,
            kv_cache_usage=stats.kv_cache_usage,
            prefill_tokens=ledger.prefill_tokens,
            promised_tokens=ledger.promised_tokens,
            answer_tokens=ledger.answer_tokens,
            heard=ledger.heard(router),
            draining=self._draining,
        )

    def _encoded_load(self, router: bytes) -> bytes:
        return msgspec.msgpack.encode(self.load(router))

    async def _send(self, router: bytes, kind: ToRouter, body: Frames) -> None:
        if not await self._endpoint.send(router, kind, body):
            self._routers.discard(router)
            await self._abort(router, self._ledger.of(router))
            self._ledger.forget(router)


def tokens_asked(request: EngineCoreRequest) -> tuple[int, int]:
    """Return the tokens of the prompt and the most to answer.

    A continuation's answer so far is prompt.
    """
    params = request.sampling_params
    resumed = len(resumed_tokens(params))
    prompt_tokens = len(request.prompt_token_ids or ())
    max_tokens = (params and params.max_tokens) or 1
    return prompt_tokens + resumed, max_tokens - resumed
