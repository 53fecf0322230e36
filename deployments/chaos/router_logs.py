"""What the routers' logs tell: ranks that were lost, and requests that moved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LINE = re.compile(r"^\w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \S+ \S+ -- (.*)$")
_LOST = re.compile(r"rank \d+ of gang \S+ is lost")
_WITH_LOSS_S = 1.0  # batch requests are requeued, too, when a better class needs their place
_REQUEUED = re.compile(
    r"request \S*?((?:chatcmpl|cmpl)-[0-9a-f-]{32,36})\S* is requeued after (\d+)"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line that tells of a loss: of a rank, or of a request's rank, which `request` names.

    `tokens` is how many the request had by then.
    """

    at_s: float
    request: str | None = None
    tokens: int = 0


def read(logs: Path) -> list[Line]:
    """Read the logs of all routers that there have been, in order of time."""
    files = logs.glob("replica_small4_Router_*.log*")
    found = (line for file in files for line in parse(file.read_text("utf-8", errors="replace")))
    return sorted(found, key=lambda line: line.at_s)


def parse(text: str) -> Iterator[Line]:
    """Yield the lines of one log that tell of a loss; times are in this machine's time zone."""
    lost_s = float("-inf")
    for match in filter(None, map(_LINE.match, text.splitlines())):
        when, message = match.groups()
        at_s = datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f").timestamp()
        if _LOST.match(message):
            lost_s = at_s
            yield Line(at_s)
        elif (moved := _REQUEUED.match(message)) is not None and at_s - lost_s <= _WITH_LOSS_S:
            yield Line(at_s, moved[1], int(moved[2]))
