"""Notes which parts of a file are on disk, so that a download goes on where it stopped.

The journal is the file's lock as well: only the process that holds it writes the file on this
machine, and when that process dies, the next one finds its notes.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO


class PartJournal:
    """The journal of a file: its identity, then the number of each written part, a line each."""

    def __init__(self, file: TextIO, path: Path, identity: str) -> None:
        self._file = file
        self._path = path
        self._identity = identity
        file.seek(0)
        lines = file.read().splitlines()
        noted = lines[1:] if lines[:1] == [identity] else []
        self.done = {int(line) for line in noted if line.isdigit()}  # a torn line counts for none
        if not self.done:
            self.forget()

    @classmethod
    @contextlib.contextmanager
    def held(cls, path: Path, identity: str) -> Iterator[Self]:
        """Wait for the lock and hold it. Parts that were noted for another identity don't count."""
        while True:
            with path.open("a+", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_at(file, path):
                    continue  # the process that held it has finished, and removed it
                yield cls(file, path, identity)
                return

    def note(self, part: int) -> None:
        """Note that a part is written; threads may call this at once."""
        self._file.write(f"{part}\n")
        self._file.flush()

    def forget(self) -> None:
        self.done = set()
        self._file.truncate(0)
        self._file.write(f"{self._identity}\n")
        self._file.flush()

    def remove(self) -> None:
        self._path.unlink()


def _is_at(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
