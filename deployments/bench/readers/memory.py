"""What a deployment on this machine holds on the way of a stream, in processes and in sockets."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

_MIB = 1 << 20
_ALLOCATED = re.compile(r"^(?:RssAnon|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_PAGES = re.compile(r"^TCP: .* mem (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of all routers, of all HAProxies, and of the buffers of the machine's TCP sockets."""

    router: float
    haproxy: float
    sockets: float

    @classmethod
    def now(cls) -> "Memory":
        return cls(_resident("ServeReplica:small4:Router"), _resident("haproxy"), _socket_buffers())

    def above(self, before: "Memory") -> "Memory":
        """Return what has come since."""
        return Memory(
            self.router - before.router,
            self.haproxy - before.haproxy,
            self.sockets - before.sockets,
        )


def _resident(name: str) -> float:
    found = 0.0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            # A replica changes its command line, and its name is cut short.
            if name in process.name() or name in " ".join(process.cmdline()[:1]):
                found += _anonymous(process.pid) / 1024
    return found


def _anonymous(pid: int) -> int:
    """Return KiB that a process has allocated: pages of files come and go as the kernel likes."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return sum(int(kib) for kib in _ALLOCATED.findall(status))


def _socket_buffers() -> float:
    pages = _PAGES.search(Path("/proc/net/sockstat").read_text("ascii"))
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB if pages else 0.0
