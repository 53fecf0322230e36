"""Files that are whole or not there, also after a power cut."""

import os
import secrets
from pathlib import Path


def partial_path(path: Path) -> Path:
    """Where a file of a set grows: hidden, as no file of a manifest is."""
    return path.with_name(f".{path.name}.partial")


def write_whole(path: Path, content: bytes) -> None:
    """Processes that write the same at once don't disturb each other, in containers either."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Renames in it are on disk when this returns."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
