"""Host names in a config: `images.example.com`, or `*.example.com` for every name below it."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label begins with a letter, as no IP address's does, however it is written.
_NAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_LONGEST = 253


def _checked(name: str) -> str:
    lower = name.lower()
    if len(lower) > _LONGEST or not _NAME.fullmatch(lower):
        raise ValueError(
            "give a host's full name, as images.example.com or *.example.com, without scheme, "
            "port or path, and no IP address"
        )
    return lower


HostName = Annotated[str, AfterValidator(_checked)]


def covers(names: Iterable[HostName], host: str) -> bool:
    """Tell whether `host` is one of the names, or below one that begins with `*.`."""
    host = host.lower()
    return any(host.endswith(name[1:]) if name[0] == "*" else host == name for name in names)
