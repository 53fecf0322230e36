"""Who uses a node's cache: locked files, which end with their processes, in any container."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from configs.errors import StoreError

_LEASE = ".lease-"


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold a cache: no set comes or goes meanwhile, and none is leased.

    Raises StoreError if that directory can't be a cache, or is another user's.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise StoreError(
            f"weights.cache: {error.filename} can't be written by user {os.geteuid()}, with which "
            "this process runs: the cache is another user's. Run all containers of a machine as "
            "one user, or give each user a weights.cache of its own"
        ) from error
    except OSError as error:
        raise StoreError(f"{root}: not a place for a cache: {error.strerror}") from error


class Lease:
    """Keeps a set in the cache while this process lives, and names the files that it will fetch."""

    _held: dict[Path, "Lease"] = {}  # noqa: RUF012 - of the process, one for each set

    def __init__(self, directory: Path) -> None:
        self._file = (directory / f"{_LEASE}{secrets.token_hex(8)}").open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @classmethod
    def of(cls, directory: Path) -> "Lease":
        """Return this process's lease of a set; the caller holds the cache."""
        lease = cls._held.get(directory)
        if lease is None or not Path(lease._file.name).exists():  # somebody has deleted the cache
            lease = cls._held[directory] = cls(directory)
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
