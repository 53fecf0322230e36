"""Checks the sizes of files, and that there is room on disk for those that are to be written."""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from configs.errors import StoreError
from model_shards.files.durable import partial_path

_STAT_BLOCK_BYTES = 512


class _Sized(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...


def size_fault(path: Path, size_bytes: int) -> str | None:
    """Say what is wrong with the size of a file that should have `size_bytes`; None: nothing."""
    try:
        found_bytes = path.stat().st_size
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"can't be read, {error.strerror}"
    if found_bytes == size_bytes:
        return None
    short = "short" if found_bytes < size_bytes else "long"
    return f"{short}, {found_bytes:,} bytes of {size_bytes:,}"


def missing_bytes(directory: Path, missing: Iterable[_Sized]) -> int:
    """Return how much room the missing files need beyond what earlier attempts have written."""
    return sum(
        file.size_bytes - _written_bytes(partial_path(directory / file.name)) for file in missing
    )


def require_space(directory: Path, missing: Iterable[_Sized]) -> None:
    """Raise StoreError if there is too little room for the missing files."""
    needed_bytes = missing_bytes(directory, missing)
    free_bytes = shutil.disk_usage(directory).free
    if needed_bytes > free_bytes:
        raise StoreError(
            f"{directory}: {needed_bytes / 1e9:.1f} GB to write, {free_bytes / 1e9:.1f} GB free. "
            "Make room, or name another directory"
        )


def _written_bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # not begun, or just finished by another process
        return path.stat().st_blocks * _STAT_BLOCK_BYTES
    return 0
