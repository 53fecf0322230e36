"""The bytes that the request being served may still bring: its body and the images it links to."""

from contextvars import ContextVar


class BytesLeft:
    """Counts a request's bytes down from a limit, and up the images that are fetched for it."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.fetches = 0

    def take(self, count: int) -> bool:
        """Take `count` bytes and return True; if fewer are left, take none and return False."""
        if count > self._left:
            return False
        self._left -= count
        return True


bytes_left: ContextVar[BytesLeft] = ContextVar("bytes_left")
