"""Tells addresses on the Internet from those of this machine, its network and its cloud.

Follows IANA's special-purpose registries. Python's `is_global` isn't enough: in 3.11 it is also
true of multicast, 6to4 and addresses that stand for others (`::ffff:127.0.0.1`,
`64:ff9b::10.0.0.1`).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_NOT_V4 = (
    IPv4Network("168.63.129.16/32"),  # Azure's own service for its virtual machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata service
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),  # multicast
)
# All unicast that IANA has allocated; the parts of it that belong to nobody stand below.
_ALLOCATED_V6 = IPv6Network("2000::/3")
_NOT_V6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address in another form
    IPv6Network("3fff::/20"),  # documentation
)
# Networks without IPv4 reach it through these addresses, which their DNS makes up (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_V4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _ALLOCATED_V6 and not any(address in network for network in _NOT_V6)
