"""Loses packets on the way between routers and a rank, by rules of nft in a namespace."""

import subprocess

from configs.errors import BenchError
from deployments.chaos.kind import Way

_TABLE = "inet small4_chaos"
# A step's outputs for one router take about a kilobyte. A packet larger than the burst would never
# pass, and one of loopback has up to 64 KiB.
_TRICKLE = "limit rate over 8 kbytes/second burst 64 kbytes"


def rules(way: Way, port: int) -> str:
    """Return the rules that hit what comes to or from `port`, as text for `nft -f -`.

    They stand where packets come in: a sender must not be told that its packet was dropped.
    """
    to, back = f"tcp dport {port}", f"tcp sport {port}"
    hit = {
        Way.CUT: [f"{to} drop", f"{back} drop"],
        Way.CUT_TO: [f"{to} drop"],
        Way.CUT_FROM: [f"{back} drop"],
        Way.TRICKLE: [f"{to} {_TRICKLE} drop", f"{back} {_TRICKLE} drop"],
    }[way]
    chain = "type filter hook input priority 0;"
    return "\n".join([f"table {_TABLE} {{", "chain hit {", chain, *hit, "}", "}", ""])


def cut(way: Way, port: int) -> None:
    """Put the rules in place.

    Raises BenchError if nft refuses them.
    """
    _nft("-f", "-", text=rules(way, port))


def heal() -> None:
    """Take the rules away."""
    _nft("delete", "table", *_TABLE.split())


def _nft(*words: str, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        ["nft", *words],  # noqa: S607 - wherever the system has it
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"nft refuses {words} {text}: {done.stderr}")
