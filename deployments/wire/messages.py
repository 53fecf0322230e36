"""What routers and shards say to each other over ZMQ.

A shard binds a ROUTER socket, each router connects a DEALER. A message is a kind followed by the
frames of one msgpack value in vLLM's own encoding (tensors ride in frames of their own). CurveZMQ
encrypts the link, and nothing that came from a socket is unpickled.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec
import zmq
from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest
from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

Frames = Sequence[Any]


class ToShard(Enum):
    """Kinds of message a router sends."""

    HELLO = b"H"  # "I'm here": the shard answers with LOAD from now on
    ADD = b"A"  # how many tokens of each prompt are cached, then EngineCoreRequests: two lists
    ABORT = b"X"  # a list of request ids


class ToRouter(Enum):
    """Kinds of message a shard sends."""

    OUTPUTS = b"O"  # a Load, then EngineCoreOutputs: this router's share of one engine step
    CACHE = b"C"  # a CacheChange: all that is held after HELLO, and then what changes
    LOAD = b"L"  # a Load, when it has changed and once a second; also the sign of life
    DEAD = b"D"  # the engine is gone; nothing more will come


class Load(msgspec.Struct, array_like=True, frozen=True):
    """How busy a rank is, over all routers.

    `heard` counts the requests and aborts that have ever come from the router which this is sent
    to: what it has sent beyond those is still on its way, and isn't in the other numbers.
    """

    requests: int = 0  # unfinished, running or waiting
    waiting_requests: int = 0  # those of them that the engine's scheduler hasn't started
    kv_cache_usage: float = 0.0  # 0 to 1
    prefill_tokens: int = 0  # of prompts without an answer yet
    promised_tokens: int = 0  # KV cache that the requests hold or are expected to
    answer_tokens: int = 1024  # few answers are longer
    heard: int = 0
    draining: bool = False  # it is about to go, and takes nothing new


class Codec:
    """Encodes and decodes message bodies; not for use by several threads."""

    def __init__(self) -> None:
        self._encoder = MsgpackEncoder()
        self._requests = MsgpackDecoder(list[EngineCoreRequest])
        self._outputs = MsgpackDecoder(EngineCoreOutputs)

    def encode(self, value: Any) -> Frames:
        frames: Frames = self._encoder.encode(value)
        return frames

    def requests(self, frames: Frames) -> list[EngineCoreRequest]:
        """Raises msgspec.DecodeError on anything else."""
        requests: list[EngineCoreRequest] = self._requests.decode(frames)
        return requests

    def outputs(self, frames: Frames) -> EngineCoreOutputs:
        """Raises msgspec.DecodeError on anything else."""
        return self._outputs.decode(frames)


# A peer that vanished without closing its socket (a lost node) is noticed by ZMTP's own pings.
_PING_INTERVAL_MS = 1_000
_PING_TIMEOUT_MS = 5_000


def tune(socket: zmq.Socket[Any]) -> None:
    """Socket options both ends share: no lingering, no limit on queued messages, pings."""
    socket.linger = 0
    socket.sndhwm = 0
    socket.rcvhwm = 0
    socket.heartbeat_ivl = _PING_INTERVAL_MS
    socket.heartbeat_timeout = _PING_TIMEOUT_MS
