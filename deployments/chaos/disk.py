"""Fills the disk that holds logs and temporary files."""

import contextlib
from pathlib import Path

_PIECE_BYTES = 1 << 20


class Ballast:
    """A file that takes all that is left on its disk."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "chaos-ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(_PIECE_BYTES)):
                pass

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
