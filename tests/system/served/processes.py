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


def shard_of(engine: psutil.Process) -> psutil.Process:
    """Find the shard of an engine core, which is forked from the shard's forkserver or spawned."""
    return next(process for process in engine.parents() if _title(process).startswith("ray::Serve"))


def forked(engine: psutil.Process) -> bool:
    """Tell whether an engine core was forked from a process that had vLLM loaded."""
    parent = engine.parent()
    return parent is not None and _title(parent) == "small4::forkserver"


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline()).rstrip()


def _is(process: psutil.Process, beginning: str, namespace: str) -> bool:
    try:
        named = _title(process).startswith(beginning)
        return named and os.readlink(f"/proc/{process.pid}/ns/net") == namespace
    except (psutil.Error, OSError):
        return False
