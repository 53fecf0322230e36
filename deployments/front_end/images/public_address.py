"""Which addresses are on the Internet, and not this machine's, its network's or its cloud's.

By IANA's special-purpose registries. Python's `is_global` won't do: for 3.11 multicast, 6to4 and
addresses that stand for others (`::ffff:127.0.0.1`, `64:ff9b::10.0.0.1`) are global too.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_NOT_V4 = (
    IPv4Network("168.63.129.16/32"),  # Azure's own service for its virtual machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata service
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),  # multicast
)
# All unicast that IANA has given out; what it holds that isn't anybody's stands below.
_GIVEN_OUT = IPv6Network("2000::/3")
_NOT_V6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address in another form
    IPv6Network("3fff::/20"),  # documentation
)
# Networks without IPv4 reach it through these, and their DNS makes them up (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_V4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GIVEN_OUT and not any(address in network for network in _NOT_V6)
