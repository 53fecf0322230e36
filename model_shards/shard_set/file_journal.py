"""Notes which files of a split are whole, so that it goes on where it stopped.

The journal is the directory's lock as well, which ends with the process that holds it.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO

from configs.errors import StoreError
from model_shards.shard_set.manifest import ShardFile

JOURNAL = ".split"


class FileJournal:
    """The journal of a split: the plan's key, then each file that is on disk, a line each."""

    def __init__(self, file: TextIO, directory: Path, key: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.seek(0)
        text = file.read()
        noted = text[: text.rfind("\n") + 1]
        first, *lines = noted.splitlines() or [""]
        if first not in ("", key):
            raise StoreError(
                f"{directory}: holds an unfinished split of another checkpoint, or of the same in "
                "another way. Name another directory, or delete that one first"
            )
        file.truncate(len(noted.encode()))  # a line that was torn by the end of its process
        if not first:
            self._write(key)
        files = map(ShardFile.model_validate_json, lines)
        self.done = {shard_file.name: shard_file for shard_file in files}

    @classmethod
    @contextlib.contextmanager
    def held(cls, directory: Path, key: str) -> Iterator[Self]:
        """Lock the journal of a directory, and read it.

        Raises StoreError if another process splits into the directory, or if it holds an unfinished
        split with another key.
        """
        with (directory / JOURNAL).open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"{directory}: another process is splitting into it. Wait for it"
                ) from error
            yield cls(file, directory, key)

    def note(self, file: ShardFile) -> None:
        """Note that a file is on disk under its name; threads may call this at once."""
        self._write(file.model_dump_json())

    def _write(self, line: str) -> None:
        with self._lock:
            self._file.write(f"{line}\n")
            self._file.flush()
            os.fsync(self._file.fileno())
