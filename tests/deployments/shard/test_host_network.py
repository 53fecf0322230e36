"""Ranks on several hosts reach each other: Gloo announces an address of the host's network."""

import os
import socket

import pytest

from deployments.shard.host_network import interface_of, stay_on


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_HOST_IP", "GLOO_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)


def test_an_address_has_its_interface() -> None:
    loopback = interface_of("127.0.0.1")
    assert loopback in [name for _, name in socket.if_nameindex()]
    assert interface_of("192.0.2.1") is None


def test_gloo_and_vllm_stay_on_it() -> None:
    stay_on("127.0.0.1")
    assert os.environ["VLLM_HOST_IP"] == "127.0.0.1"
    assert os.environ["GLOO_SOCKET_IFNAME"] == interface_of("127.0.0.1")


def test_an_operators_choice_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "ib0")
    stay_on("127.0.0.1")
    assert os.environ["GLOO_SOCKET_IFNAME"] == "ib0"
