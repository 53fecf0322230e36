"""Shards without an engine: the real endpoint and wire, with tokens that the test dictates.

They stand in where a test needs a rank to fall silent or speak out of turn. That the real engine
continues a request exactly is tested in `tests/system/served`.
"""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import msgspec
from vllm.sampling_params import SamplingParams
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason

from deployments.shard.endpoint import Endpoint
from deployments.wire.codec import Codec
from deployments.wire.load import Load
from deployments.wire.loss import Death, How
from deployments.wire.messages import ToRouter, ToShard
from deployments.wire.rank_entry import RankEntry
from tests.deployments.roster_entries import entry_at


class FakeShard:
    """Keeps what the router sends it, and sends what the test tells it to."""

    _open: ClassVar[set["FakeShard"]] = set()

    def __init__(self, name: str, gang: str = "g", rank: int = 0, ranks: int = 1) -> None:
        self.endpoint = Endpoint("127.0.0.1")
        listed = {"replica": name, "gang": gang, "rank": rank, "ranks": ranks}
        self.entry = entry_at(self.endpoint).model_copy(update=listed)
        self.requests: asyncio.Queue[EngineCoreRequest] = asyncio.Queue()
        self.aborts: asyncio.Queue[list[str]] = asyncio.Queue()
        self.load = Load()  # what it reports, except for `heard`
        self.messages = 0  # that brought requests
        self._heard = 0
        self._ids = set[str]()
        self._router = b""
        self._codec = Codec()
        self._listening = asyncio.create_task(self._listen())
        self._open.add(self)

    async def _listen(self) -> None:
        while True:
            self._router, kind, body = await self.endpoint.receive()
            match kind:
                case ToShard.HELLO:
                    await self.report(self.load)
                case ToShard.ADD:
                    self.messages += 1
                    for request in self._codec.requests(body[1:]):
                        self._heard += 1
                        self._ids.add(request.request_id)
                        self.requests.put_nowait(request)
                case ToShard.ABORT:
                    aborted = msgspec.msgpack.decode(body[0].buffer)
                    self._heard += len(aborted)
                    self.aborts.put_nowait(aborted)

    async def report(self, load: Load, heard: int | None = None) -> None:
        """Send `load`, as it was when `heard` requests and aborts had come; None: all that have."""
        self.load = load
        await self.endpoint.send(self._router, ToRouter.LOAD, [self._encoded_load(heard)])

    def _encoded_load(self, heard: int | None) -> bytes:
        load = msgspec.structs.replace(self.load, heard=self._heard if heard is None else heard)
        return msgspec.msgpack.encode(load)

    async def say(
        self,
        request_id: str,
        tokens: list[int],
        finish: FinishReason | None = None,
        heard: int | None = None,
    ) -> None:
        """Send a step with one output, and with the load that was last reported."""
        output = EngineCoreOutput(request_id, tokens, finish_reason=finish)
        body = self._codec.encode(EngineCoreOutputs(outputs=[output]))
        await self.endpoint.send(self._router, ToRouter.OUTPUTS, [self._encoded_load(heard), *body])

    async def say_dead(self, how: How = How.KILLED, steps: int = 1, *innocent: str) -> None:
        suspects = tuple(self._ids - set(innocent))
        death = msgspec.msgpack.encode(Death(how, steps, suspects))
        await self.endpoint.send(self._router, ToRouter.DEAD, [death])

    def vanish(self) -> None:
        self._open.discard(self)
        self._listening.cancel()
        self.endpoint.close()

    @classmethod
    def close_all(cls) -> None:
        for shard in list(cls._open):
            shard.vanish()


class _Method:
    """A method of a Serve handle, as its caller sees it."""

    def __init__(self, ranks: Callable[[], list[RankEntry]], delay_s: float) -> None:
        self._ranks = ranks
        self._delay_s = delay_s

    async def remote(self, *_: object) -> list[RankEntry]:
        await asyncio.sleep(self._delay_s)
        return self._ranks()


class FakeRoster:
    """A roster that lists the shards in `shards`, which the test may change."""

    def __init__(self, *shards: FakeShard) -> None:
        self.shards = list(shards)
        self.living = _Method(self._ranks, 0)
        self.next_change = _Method(self._ranks, 0.01)

    def _ranks(self) -> list[RankEntry]:
        return [shard.entry for shard in self.shards]


def request(request_id: str = "r", prompt_tokens: int = 3) -> EngineCoreRequest:
    return EngineCoreRequest(
        request_id=request_id,
        prompt_token_ids=[*range(1, prompt_tokens + 1)],
        mm_features=None,
        sampling_params=SamplingParams(max_tokens=10),
        pooling_params=None,
        arrival_time=0.0,
        lora_request=None,
        cache_salt=None,
        data_parallel_rank=None,
    )
