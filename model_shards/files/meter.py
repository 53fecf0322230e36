"""Counts how far a split, a verification, a push or a pull is."""

import threading


class Meter:
    """Counts bytes that are moved and spared; many threads may call it at once."""

    def __init__(self) -> None:
        self.moved_bytes = 0
        self.spared_bytes = 0  # of files and parts that were there already
        self._lock = threading.Lock()

    def expect(self, total_bytes: int) -> None:
        """Take the size of all files together, before the first moves; subclasses may show it."""

    def moved(self, size_bytes: int) -> None:
        with self._lock:
            self.moved_bytes += size_bytes

    def spared(self, size_bytes: int) -> None:
        with self._lock:
            self.spared_bytes += size_bytes
