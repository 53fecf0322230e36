"""Notes what is done, so that work which was interrupted goes on where it stopped.

The journal is a lock as well: only the process that holds it works, and when that process dies, the
next one has its notes. They aren't synced: what a power cut takes is done again.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO


class Journal:
    """A journal: the key of what it is about, then a note on each line."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._lock = threading.Lock()
        file.seek(0)
        text = file.read()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the end of its process has torn the last line
            file.truncate(len(whole.encode()))
        self.key, *self.notes = whole.splitlines() or [""]

    @classmethod
    @contextlib.contextmanager
    def held(cls, path: Path, *, wait: bool = True) -> Iterator[Self]:
        """Hold the lock and read the journal.

        Raises BlockingIOError if another process holds it and this one doesn't want to wait.
        """
        while True:
            with path.open("a+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if not _is_at(file, path):
                    continue  # the process that held it has finished, and removed it
                yield cls(file, path)
                return

    def begin(self, key: str) -> None:
        """Forget all notes; those that follow are about `key`."""
        self._file.truncate(0)
        self.key, self.notes = key, []
        self._write(key)

    def note(self, line: str) -> None:
        """Note that something is done; threads may call this at once."""
        self._write(line)

    def remove(self) -> None:
        self._path.unlink()

    def _write(self, line: str) -> None:
        with self._lock:
            self._file.write(f"{line}\n")
            self._file.flush()


def _is_at(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
