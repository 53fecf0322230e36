"""An operator's machine, and hosts that it reaches by SSH alone, on a network of their own."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.system.cluster_up.host import Host, host

_NETWORK = "10.77.0"
_KEY = "/run/home/key"
_SSHD = (
    *("/usr/sbin/sshd", "-D", "-E", "/run/sshd.log", "-f", "/dev/null", "-h", "/run/host_key"),
    *("-o", "AuthorizedKeysFile=/run/authorized_keys", "-o", "StrictModes=no"),
    *("-o", "PidFile=none", "-o", "PasswordAuthentication=no"),
)


@dataclass(frozen=True)
class Network:
    """Machines on one network; `operator` has the private key for the others."""

    operator: Host
    hosts: tuple[Host, ...]
    key: str = _KEY


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Make a host for each name; they end with the operator's machine, it with this process."""
    with ExitStack() as stack:
        operator = stack.enter_context(host("operator", f"{_NETWORK}.1", *_idle()))
        operator.run("ip", "link", "add", "bridge", "type", "bridge")
        operator.run("ip", "address", "add", f"{operator.address}/24", "dev", "bridge")
        operator.run("ip", "link", "set", "bridge", "up")
        operator.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", _KEY)
        public = operator.run("cat", f"{_KEY}.pub")
        hosts = []
        for number, name in enumerate(names, start=2):
            init = ("sh", "-c", _sshd(public))
            machine = stack.enter_context(
                host(name, f"{_NETWORK}.{number}", *init, inside=operator)
            )
            _connect(operator, machine)
            hosts.append(machine)
        yield Network(operator, tuple(hosts))


def _idle() -> tuple[str, ...]:
    return "bash", "-c", "sleep infinity & wait"  # it reaps what others leave behind


def _sshd(public: str) -> str:
    return (
        f"ssh-keygen -q -t ed25519 -N '' -f /run/host_key; echo '{public}' >/run/authorized_keys; "
        f"exec {' '.join(_SSHD)}"
    )


def _connect(operator: Host, machine: Host) -> None:
    # Only the network is the operator's: the process id is one as we see it.
    there = ("nsenter", "--target", str(operator.pid), "--net")
    pair = ("type", "veth", "peer", "name", "eth0", "netns", str(machine.pid))
    subprocess.run((*there, "ip", "link", "add", machine.name, *pair), check=True)
    operator.run("ip", "link", "set", machine.name, "master", "bridge", "up")
    machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
    machine.run("ip", "link", "set", "eth0", "up")
    machine.run("ip", "route", "add", "default", "via", operator.address)
