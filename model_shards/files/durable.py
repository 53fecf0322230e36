"""Writes files that are whole or not there, also after a power cut."""

import os
import secrets
from pathlib import Path


def partial_path(path: Path) -> Path:
    """Return where a file of a set grows: a hidden path, as no file of a manifest has."""
    return path.with_name(f".{path.name}.partial")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there; it is on disk when this returns.

    Processes that write the same file at once don't disturb each other, even in different
    containers.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Wait until renames in a directory are on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
