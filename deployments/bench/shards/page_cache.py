"""Takes files out of the page cache, and into it."""

import os
from collections.abc import Iterable
from pathlib import Path

_CHUNK_BYTES = 4 << 20


def drop(paths: Iterable[Path]) -> None:
    """Drop files from the page cache: the next read comes from the disk."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())  # what isn't on disk yet can't be dropped
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(paths: Iterable[Path]) -> None:
    """Read files into the page cache, as far as they fit memory."""
    buffer = bytearray(_CHUNK_BYTES)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
