"""Message bodies in vLLM's own encoding."""

from collections.abc import Sequence
from typing import Any

from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest
from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

Frames = Sequence[Any]


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
        """Decode requests. Raises msgspec.DecodeError if the frames hold anything else."""
        requests: list[EngineCoreRequest] = self._requests.decode(frames)
        return requests

    def outputs(self, frames: Frames) -> EngineCoreOutputs:
        """Decode outputs. Raises msgspec.DecodeError if the frames hold anything else."""
        return self._outputs.decode(frames)
