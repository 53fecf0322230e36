from ipaddress import ip_address

import pytest

from deployments.front_end.images.public_address import is_public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "99.255.255.255", "172.32.0.1", "2606:4700::1111", "64:ff9b::1.1.1.1"]
)
def test_somebodys_address(address: str) -> None:
    assert is_public(ip_address(address))


NOBODYS = {
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "loopback": ("127.0.0.1", "127.255.0.1", "::1"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd00::1"),
    "link-local": ("169.254.169.254", "fe80::1", "fe80::1%eth0"),
    "site-local": ("fec0::1",),
    "shared by a carrier": ("100.64.0.1", "100.100.100.200", "100.127.255.255"),
    "multicast": ("224.0.0.1", "233.252.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "4000::1", "5f00::1"),
    "assigned to protocols": ("192.0.0.8", "192.0.0.192", "2001:1::1", "100::1"),
    "for tests": ("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"),
    "for newer tests": ("3fff::1", "2001:2::1"),
    "a cloud's own": ("168.63.129.16", "fd00:ec2::254"),
    "IPv4 in IPv6": ("::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    "6to4": ("192.88.99.1", "2002:7f00:1::", "2002:101:101::"),
    "Teredo": ("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"),
    "NAT64 of a network": ("64:ff9b:1::1.1.1.1", "64:ff9b:1::10.0.0.1"),
}


@pytest.mark.parametrize("kind", NOBODYS)
def test_an_address_that_isnt_on_the_internet(kind: str) -> None:
    assert [text for text in NOBODYS[kind] if is_public(ip_address(text))] == []
