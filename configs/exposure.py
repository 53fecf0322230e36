"""A deployment without keys stays on its machine, unless its config says otherwise."""

import ipaddress

from configs.access import Access
from configs.errors import ConfigError


def refuse_to_expose(access: Access, host: str) -> None:
    """Raise ConfigError if others could reach `host`, where Serve listens, without a key."""
    if access.keyed or access.open or is_loopback(host):
        return
    raise ConfigError(
        f"it would listen on {host}, where anybody could use it: give args.access.keys_file or "
        "keys_env (`small4 keys new NAME` prints a first key), or `host: 127.0.0.1`, or say "
        "`access: {open: true}`."
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches `host`.

    Of names only localhost counts: what another name resolves to may change.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable_at(host: str) -> str:
    """Return the address where a client on this machine reaches a server that listens on `host`."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    return "127.0.0.1" if everywhere else host
