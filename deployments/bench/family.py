"""A process and its descendants: frozen, thawed and ended together."""

import contextlib
import signal
from collections.abc import Iterable, Iterator

import psutil

_END_TIMEOUT_S = 60
_KILL_TIMEOUT_S = 10


class Family:
    """A process that the bench started, with its descendants."""

    def __init__(self, pid: int) -> None:
        self._head = psutil.Process(pid)
        self._known: set[psutil.Process] = set()

    def members(self) -> list[psutil.Process]:
        """Return living members: parents before children, orphans of earlier calls last."""
        with contextlib.suppress(psutil.NoSuchProcess):
            living = [self._head, *self._head.children(recursive=True)]
            orphans = [process for process in self._known - set(living) if process.is_running()]
            self._known = {*living, *orphans}
            return [*living, *orphans]
        return [process for process in self._known if process.is_running()]

    def freeze(self) -> None:
        """Stop parents first, so that none can react; repeat while new children appear."""
        frozen: set[psutil.Process] = set()
        while new := [process for process in self.members() if process not in frozen]:
            _send(new, signal.SIGSTOP)
            frozen.update(new)

    def thaw(self) -> None:
        """Continue children first: a parent finds them as it left them."""
        _send(reversed(self.members()), signal.SIGCONT)

    def end(self, timeout_s: float = _END_TIMEOUT_S) -> None:
        """Ask the first process to end, which ends the rest; kill any left after `timeout_s`."""
        with _uninterrupted():
            self.thaw()
            members = self.members()
            _send(members[:1], signal.SIGTERM)
            _, left = psutil.wait_procs(members, timeout=timeout_s)
            _send(left, signal.SIGKILL)
            psutil.wait_procs(left, timeout=_KILL_TIMEOUT_S)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a second Ctrl-C, or a SIGTERM, wait until the block is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
