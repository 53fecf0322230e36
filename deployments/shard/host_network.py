"""Lets vLLM and Gloo use the address by which other hosts know this one."""

import os

import psutil


def stay_on(address: str) -> None:
    """Let this process, and those that it starts, use `address` between ranks.

    Gloo would take the address that the host's own name leads to, which on Debian is a loopback.
    An interface that the environment already names for Gloo stays.
    """
    os.environ["VLLM_HOST_IP"] = address
    if (interface := interface_of(address)) is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def interface_of(address: str) -> str | None:
    """Return the network interface that has this address; None if there is none."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(own.address == address for own in addresses):
            return str(name)
    return None
