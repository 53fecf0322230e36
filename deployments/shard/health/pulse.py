"""What a rank's engine core and workers are doing, in memory that their shard can always read.

A process that hangs answers no question. So each writes, before and after every step, what it
begins, into a file that all of them have mapped. A shard reads it without asking anybody.
"""

import mmap
import os
import time
from dataclasses import dataclass
from pathlib import Path

ENGINE = 0  # the engine core's slot; worker number n of the rank has slot n + 1
SLOTS = 65
_FIELDS = 5
_BYTES = SLOTS * _FIELDS * 8


@dataclass(frozen=True, slots=True)
class Beat:
    """A process's last sign: it is in step `steps` since `since_s`, or has ended it (None).

    Times are `time.monotonic()`, which all processes of a machine share.
    """

    pid: int = 0  # 0: there is no such process
    steps: int = 0
    since_s: float | None = None
    requests: int = 0  # in that step
    tokens: int = 0


class Pulse:
    """The mapped file; each of its slots has one writer.

    Every field is an aligned double, which a processor writes and reads as a whole.
    """

    def __init__(self, path: Path) -> None:
        """Map the file, which is made if it isn't there."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _BYTES)
            self._fields = memoryview(mmap.mmap(descriptor, _BYTES)).cast("d")
        finally:
            os.close(descriptor)

    def begin(self, slot: int, requests: int = 0, tokens: int = 0) -> None:
        """Note that this process begins a step; it may not know what is in the step."""
        at = slot * _FIELDS
        self._fields[at + 3], self._fields[at + 4] = requests, tokens
        self._fields[at + 1] += 1
        self._fields[at + 2] = time.monotonic()

    def end(self, slot: int) -> None:
        """Note that this process has ended its step, or is there."""
        at = slot * _FIELDS
        self._fields[at] = os.getpid()
        self._fields[at + 2] = 0

    def read(self, slot: int) -> Beat:
        pid, steps, since_s, requests, tokens = self._fields[slot * _FIELDS : (slot + 1) * _FIELDS]
        return Beat(int(pid), int(steps), since_s or None, int(requests), int(tokens))
