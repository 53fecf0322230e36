"""Kills an engine core, and measures until a new request has its first token."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from configs.errors import BenchError
from deployments.bench.restart.gang import Gang
from deployments.bench.served import Served

_LOOK_EVERY_S = 0.2
_TOO_LONG_S = 300.0
_RANKS = 2


@dataclass(frozen=True, slots=True)
class Back:
    """Seconds from a kill until each phase had ended, at the rank that was last."""

    shard_s: float  # new replicas' processes had begun; 0 if the old ones stayed
    forked_s: float  # engine cores' processes had begun
    loaded_s: float  # these had vLLM loaded
    token_s: float  # a new request had its first token

    def phases(self) -> tuple[float, float, float, float]:
        """Return how long each phase took."""
        return (
            self.shard_s,
            self.forked_s - self.shard_s,
            self.loaded_s - self.forked_s,
            self.token_s - self.loaded_s,
        )


def back() -> Back:
    """Kill the engine core of one rank, and return how soon the gang was back.

    Raises BenchError if it isn't back in time.
    """
    before = Gang.now()
    killed_at = time.time()
    before.engines[-1].kill()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(first_token)
        loaded_s = _loaded_s(before, asked, killed_at)
        token_s = asked.result() - killed_at
    new = Gang.now().without(before)
    shard_s = max((shard.create_time() - killed_at for shard in new.shards), default=0.0)
    forked_s = max(engine.create_time() - killed_at for engine in new.engines)
    return Back(shard_s, forked_s, loaded_s, token_s)


def _loaded_s(before: Gang, asked: Future[float], killed_at: float) -> float:
    """Wait until every rank's new engine core has its title, which it takes with vLLM loaded."""
    while not asked.done():
        if len(Gang.now().without(before).engines) == _RANKS:
            return time.time() - killed_at
        time.sleep(_LOOK_EVERY_S)
    asked.result()
    raise BenchError("the gang was back without new engines: it was no engine that was killed.")


def first_token() -> float:
    """Ask for an answer, and return the time at which its first token was there."""
    body = {
        "model": Served.model,
        "prompt": "Go on about many things.",
        "max_tokens": 4,
        "stream": True,
    }
    with (
        httpx.Client(base_url=Served.url, timeout=_TOO_LONG_S, trust_env=False) as client,
        client.stream("POST", "/v1/completions", json=body) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith("data: {") and '"error"' not in line:
                return time.time()
    raise BenchError(f"no token came after an engine was killed: status {answer.status_code}.")
