"""Streams the tensors of several files, some of which are read ahead at the same time.

One thread reads and hashes a good gigabyte a second; an NVMe disk, or S3, delivers more.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from model_shards.loading.open_set import OpenSet
from model_shards.shard_set.manifest import ShardFile
from model_shards.shard_set.tensor_file import Named, TensorFile

_FILES_AT_ONCE = 4
_TENSORS_AHEAD = 8  # at least one for each thread, or a thread might wait for ever at the end


class WeightStream:
    """The tensors of some files of a set; `read_bytes` says, afterwards, how much was read."""

    def __init__(self, opened: OpenSet, files: Sequence[ShardFile], *, verify: bool) -> None:
        self._opened = opened
        self._files = files
        self._verify = verify and not opened.verified
        self._read: queue.Queue[Named | BaseException | None] = queue.Queue(_TENSORS_AHEAD)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.read_bytes = 0

    def tensors(self) -> Iterator[Named]:
        """Yield tensors, those of different files in any order. Raises any file's first error."""
        with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
            try:
                for file in self._files:
                    pool.submit(self._send, file)
                ended = 0
                while ended < len(self._files):
                    match self._read.get():
                        case None:
                            ended += 1
                        case BaseException() as error:
                            raise error
                        case named:
                            yield named
            finally:
                self._stop()

    def _send(self, file: ShardFile) -> None:
        if self._stopped.is_set():
            return
        try:
            source = TensorFile(self._opened.fetch(file), file, verify=self._verify)
            for named in source.tensors():
                self._read.put(named)
                if self._stopped.is_set():
                    return
            with self._lock:
                self.read_bytes += source.read_bytes
            self._read.put(None)
        except BaseException as error:
            self._read.put(error)

    def _stop(self) -> None:
        self._stopped.set()
        while not self._read.empty():  # a thread that waits for room gets it, and sees the end
            self._read.get_nowait()
