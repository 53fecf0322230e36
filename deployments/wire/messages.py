"""The messages between routers and shards, over ZMQ.

A shard binds a ROUTER socket, each router connects a DEALER. A message is a kind followed by the
frames of one msgpack value in vLLM's own encoding (tensors ride in frames of their own). CurveZMQ
encrypts the link, and nothing that comes from a socket is unpickled.
"""

from enum import Enum


class ToShard(Enum):
    """Kinds of messages that a router sends."""

    HELLO = b"H"  # "I'm here": the shard answers with LOAD from now on
    ADD = b"A"  # how many tokens of each prompt are cached, then EngineCoreRequests: two lists
    ABORT = b"X"  # a list of request ids


class ToRouter(Enum):
    """Kinds of messages that a shard sends."""

    OUTPUTS = b"O"  # a Load, then EngineCoreOutputs: this router's share of one engine step
    CACHE = b"C"  # a CacheChange: all that is held after HELLO, and then what changes
    LOAD = b"L"  # a Load, when it has changed and once a second; also the sign of life
    DEAD = b"D"  # a Death: the engine is gone, and nothing more will come
