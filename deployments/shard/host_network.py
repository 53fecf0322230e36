"""Keeps what vLLM and Gloo open between ranks on the address by which other hosts know this one."""

import os

import psutil


def stay_on(address: str) -> None:
    """For this process, and those it starts; what the environment says already stands.

    Gloo would take the address that the host's own name leads to, which on Debian is a loopback.
    """
    os.environ["VLLM_HOST_IP"] = address
    if (interface := interface_of(address)) is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def interface_of(address: str) -> str | None:
    """The network interface that has this address."""
    for name, ends in psutil.net_if_addrs().items():
        if any(end.address == address for end in ends):
            return str(name)
    return None
