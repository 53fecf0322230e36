"""Namespaces of its own for a run: faults touch nothing else on the machine."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from deployments.chaos.kind import KINDS, Kind, Role, Way

TEMPORARY = Path("/tmp")  # noqa: S108 - where Ray has its logs
_TEMPORARY_BYTES = 1 << 30  # logs of an hour, and soon filled
_NETWORK = (Way.CUT, Way.CUT_TO, Way.CUT_FROM, Way.TRICKLE)
_NEEDED = ("unshare", "ip", "mount")
_ENTER = (
    f'ip link set lo up && mount -t tmpfs -o size={_TEMPORARY_BYTES} chaos {TEMPORARY} && exec "$@"'
)


def enter(arguments: Sequence[str]) -> None:
    """Run this command again, with other arguments, in namespaces of its own.

    Returns only where that isn't possible.
    """
    command = inside([sys.executable, "-m", "deployments.chaos", *arguments])
    if command is not None:
        os.execvp(command[0], command)  # noqa: S606 - our own words


def inside(command: Sequence[str]) -> list[str] | None:
    """Return the command that runs another in a network and with a `/tmp` of its own.

    Returns None without root, or without util-linux and iproute2.
    """
    if os.geteuid() != 0 or not all(map(shutil.which, _NEEDED)):
        return None
    return ["unshare", "--net", "--mount", "sh", "-c", _ENTER, "sh", *command]


def left_out(*, sandboxed: bool, nft: bool) -> dict[Kind, str]:
    """Return the kinds that can't be played here, each with the reason."""
    reasons: dict[Kind, str] = {}
    for kind in KINDS:
        if kind.way in _NETWORK and not nft:
            reasons[kind] = "needs nft (Debian's package nftables)"
        if (kind.way in _NETWORK or kind.role is Role.DISK) and not sandboxed:
            reasons[kind] = "needs root, util-linux and iproute2, for namespaces of its own"
    return reasons
