"""Clients in a closed loop: each sends its next request when the last one has ended."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import httpx
import yaml

from configs.errors import BenchError
from configs.keys import Key, hashed
from deployments.chaos.answer import Answer
from deployments.chaos.questions import Question

_KEY = "s4-chaos"  # nobody else reaches the deployment
_TRY_AGAIN_S = 0.25
_CONNECT_S = 10.0


class End(StrEnum):
    """How a request ended, as its client saw it."""

    FINISHED = "finished"
    STATUS = "status"  # an error status
    EVENT = "event"  # an error event in the stream
    CUT = "cut"  # the connection closed before the end
    STALLED = "stalled"  # nothing came for as long as the client waits
    REFUSED = "refused"  # nobody took the connection, or a proxy said to come again


@dataclass(slots=True)
class Sent:
    """One request as its client saw it; times are seconds of the wall clock, as in logs."""

    question: int
    sent_s: float
    id: str = ""
    tokens_s: list[float] = field(default_factory=list)  # when each chunk with tokens came
    answer: Answer = field(default_factory=Answer)
    end: End | None = None  # None while it is open
    ended_s: float = 0.0
    message: str = ""
    from_proxy: bool = False  # whether its error status came without an error of the API's form


def keys_file(streams: int) -> str:
    """Return a keys file with the key of all clients, which may have so many open requests."""
    key = Key(name="chaos", sha256=hashed(_KEY), streams=streams)
    return yaml.safe_dump({"keys": [key.model_dump(by_alias=True)]})


class Traffic:
    """Sends questions to a deployment from `clients` clients until it is told to stop."""

    def __init__(
        self, url: str, model: str, questions: Sequence[Question], clients: int, stall_s: float
    ) -> None:
        self.sent: list[Sent] = []
        self._questions = questions
        self._clients = clients
        self._stop = asyncio.Event()
        self._model = model
        # Not the official client: it takes as long to read a token as the engine to make one.
        self._client = httpx.AsyncClient(
            base_url=f"{url}/v1",
            headers={"Authorization": f"Bearer {_KEY}"},
            timeout=httpx.Timeout(stall_s, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    async def answers(self) -> list[Answer]:
        """Ask each question once; return the answers in order.

        Raises BenchError if one of them fails: there is no fault yet.
        """
        free = asyncio.Semaphore(self._clients)

        async def ask(question: int) -> Sent:
            async with free:
                return await self._ask(question)

        sent = await asyncio.gather(*map(ask, range(len(self._questions))))
        await self.close()
        for one in sent:
            if one.end is not End.FINISHED:
                sort = self._questions[one.question].sort
                raise BenchError(f"undisturbed, a request of sort {sort!r} fails: {one.message}")
        return [one.answer for one in sent]

    async def run(self, seed: int) -> None:
        """Send requests until `stop`, then wait until all of them have ended."""
        await asyncio.gather(*(self._loop(seed, number) for number in range(self._clients)))

    def stop(self) -> None:
        """Send nothing new; call it in the event loop of `run`."""
        self._stop.set()

    async def close(self) -> None:
        """Close the connections that are kept open between requests."""
        await self._client.aclose()

    async def _loop(self, seed: int, number: int) -> None:
        draw = random.Random(f"{seed}/{number}")  # noqa: S311
        while not self._stop.is_set():
            sent = await self._ask(draw.randrange(len(self._questions)))
            if sent.end is not End.FINISHED:
                await asyncio.sleep(_TRY_AGAIN_S)  # a refused client must not spin

    async def _ask(self, question: int) -> Sent:
        sent = Sent(question, time.time())
        self.sent.append(sent)
        try:
            sent.end = await self._stream(sent)
        except httpx.ConnectError as error:
            sent.end, sent.message = End.REFUSED, repr(error)
        except httpx.TimeoutException as error:
            sent.end, sent.message = End.STALLED, repr(error)
        except httpx.HTTPError as error:
            sent.end, sent.message = End.CUT, repr(error)
        sent.ended_s = time.time()
        return sent

    async def _stream(self, sent: Sent) -> End:
        question = self._questions[sent.question]
        body = {
            **question.body,
            "model": self._model,
            "stream": True,
            "return_token_ids": True,
            "stream_options": {"include_usage": True},
        }
        async with self._client.stream("POST", question.path, json=body) as response:
            if not response.is_success:
                text = (await response.aread()).decode(errors="replace")
                sent.message = f"{response.status_code}: {text}"
                sent.from_proxy = not text.startswith("{")
                again = sent.from_proxy and "retry-after" in response.headers
                return End.REFUSED if again else End.STATUS
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    chunk = json.loads(line.removeprefix("data: "))
                    if "error" in chunk:
                        sent.message = str(chunk["error"])
                        return End.EVENT
                    sent.id = chunk["id"]
                    if sent.answer.add(chunk):
                        sent.tokens_s.append(time.time())
        if sent.answer.complete:
            return End.FINISHED
        sent.message = "the stream ended without a finish reason or usage"
        return End.CUT
