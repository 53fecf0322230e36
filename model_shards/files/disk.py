"""Whether what is to be written has room."""

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
    """Counts what earlier attempts have written; raises StoreError where too little is free."""
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
    with contextlib.suppress(FileNotFoundError):  # or another process has just finished it
        return path.stat().st_blocks * _STAT_BLOCK_BYTES
    return 0
