"""The HAProxy that Ray Serve runs on this machine: how long it was told to wait.

Read from Ray 2.60: ray/serve/_private/haproxy.py and haproxy_templates.py.
"""

import contextlib
import re
from pathlib import Path

import psutil

# What ends a request that is still being answered, or waits to be; of several, the shortest counts.
_CUT = re.compile(
    r"^\s*(hard-stop-after|timeout (?:client|server|tunnel|queue)) (\d+)s$", re.MULTILINE
)


def cuts_s(config: str) -> dict[str, int]:
    """Return the directives of an HAProxy config that cut requests, each with its seconds."""
    found: dict[str, int] = {}
    for directive, seconds in _CUT.findall(config):
        found[directive] = min(int(seconds), found.get(directive, int(seconds)))
    return found


def running_config() -> str | None:
    """Return the config of Serve's HAProxy on this machine; None if none runs here.

    After a reload it is that of the newest; the others end what they have begun.
    """
    files: list[tuple[float, Path]] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline() if process.name() == "haproxy" else []
            if "-f" in words and "haproxy-serve" in (file := words[words.index("-f") + 1]):
                files.append((process.create_time(), Path(file)))
    for _, file in sorted(files, reverse=True):
        with contextlib.suppress(OSError):  # another user's, or in another container
            return file.read_text("utf-8")
    return None
