"""Processes of the Ray under test, by what they call themselves."""

import os

import psutil


def processes(beginning: str) -> list[psutil.Process]:
    """Find processes whose name or command begins so, in this network namespace.

    Another checkout's tests may run in another.
    """
    own = os.readlink("/proc/self/ns/net")
    return [process for process in psutil.process_iter() if _is(process, beginning, own)]


def proxies() -> list[psutil.Process]:
    """Find Serve's HAProxy, and those of earlier configs that still end what they began."""
    return [process for process in processes("") if process.name().startswith("haproxy")]


def _is(process: psutil.Process, beginning: str, namespace: str) -> bool:
    try:
        named = " ".join(process.cmdline()).startswith(beginning)
        return named and os.readlink(f"/proc/{process.pid}/ns/net") == namespace
    except (psutil.Error, OSError):
        return False
