"""Checks that there is room on disk for the files that are to be written."""

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


def require_space(directory: Path, missing: Iterable[_Sized]) -> None:
    """Raise StoreError if there is too little room for the missing files.

    What earlier attempts have written of them needs no more room.
    """
    needed_bytes = sum(
        file.size_bytes - _written_bytes(partial_path(directory / file.name)) for file in missing
    )
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
