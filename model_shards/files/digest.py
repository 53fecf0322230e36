"""SHA-256 of files, without holding them in memory."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path, passed: Callable[[int], None] | None = None) -> str:
    """Return a file's SHA-256 in hex.

    `passed` gets the number of bytes of each chunk; an error that it raises ends the reading.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while size_bytes := file.readinto(buffer):
            digest.update(buffer[:size_bytes])
            if passed is not None:
                passed(size_bytes)
    return digest.hexdigest()
