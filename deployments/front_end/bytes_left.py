"""How much more the request that is being served may bring: its body, and images it links to."""

from contextvars import ContextVar


class BytesLeft:
    """Counts down from a limit, and up the images that are fetched for it."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.fetches = 0

    def take(self, count: int) -> bool:
        """Whether as many were left; else none are taken."""
        if count > self._left:
            return False
        self._left -= count
        return True


bytes_left: ContextVar[BytesLeft] = ContextVar("bytes_left")
