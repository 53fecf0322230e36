"""Who uses a node's cache: locked files, which end with their processes, in any container."""

import contextlib
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from configs.errors import StoreError

_LEASE = ".lease-"
_NOTE_EVERY_S = 3600.0


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold a cache: no set comes or goes meanwhile, and none is leased.

    Raises StoreError if that directory can't be a cache, or is another user's.
    """
    try:
        with _lock(root) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise StoreError(
            f"weights.cache: {error.filename} can't be written by user {os.geteuid()}, with which "
            "this process runs: the cache is another user's. Run all containers of a machine as "
            "one user, or give each user a weights.cache of its own"
        ) from error


def _lock(root: Path) -> TextIO:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return (root / ".lock").open("a", encoding="utf-8")
    except PermissionError:
        raise
    except OSError as error:
        raise StoreError(f"{root}: not a place for a cache: {error.strerror}") from error


def _keep_used(path: Path) -> None:
    """Note again and again that a set is in use, for as long as it is there."""
    with contextlib.suppress(OSError):
        while True:
            os.utime(path)
            time.sleep(_NOTE_EVERY_S)


class Lease:
    """Keeps a set in the cache while this process lives, and names the files that it will fetch.

    The time of `used` is that of the set's last use.
    """

    _held: dict[Path, "Lease"] = {}  # noqa: RUF012 - of the process, one for each set

    def __init__(self, directory: Path, used: Path) -> None:
        self._file = (directory / f"{_LEASE}{secrets.token_hex(8)}").open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        threading.Thread(target=_keep_used, args=(used,), daemon=True).start()

    @classmethod
    def of(cls, directory: Path, used: Path) -> "Lease":
        """Return this process's lease of a set; the caller holds the cache."""
        lease = cls._held.get(directory)
        if lease is None or not Path(lease._file.name).exists():  # somebody has deleted the cache
            lease = cls._held[directory] = cls(directory, used)
        return lease

    def want(self, names: Iterable[str]) -> None:
        self._file.writelines(f"{name}\n" for name in names)
        self._file.flush()


def wanted(directory: Path) -> set[str] | None:
    """Return the files that living processes want of a set; None if no process uses it.

    The caller holds the cache.
    """
    names: set[str] | None = None
    for path in directory.glob(f"{_LEASE}*"):
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                names = (names or set()) | set(file.read().splitlines())
            else:
                path.unlink()  # its process has ended
    return names
