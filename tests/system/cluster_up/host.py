"""A machine made of namespaces of this one: own network, processes, home, /tmp, /run, /dev/shm."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from configs.schema import PROJECT_ROOT

_INIT = Path(__file__).with_name("host.sh")
_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--mount-proc", "--fork")
# Debian's openssh-server and rsync, unpacked by the Makefile where they aren't installed.
PACKAGES = PROJECT_ROOT / ".cache/ssh"


@dataclass(frozen=True)
class Host:
    """A host whose processes are those of a PID namespace, and end with the first of them."""

    name: str
    address: str
    pid: int

    @property
    def root(self) -> Path:
        """The host's file system, as seen from this machine."""
        return Path(f"/proc/{self.pid}/root")

    @property
    def home(self) -> Path:
        return self.root / "run/home"

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Make the command that runs `arguments` on the host, called from this machine."""
        return ("nsenter", "--target", str(self.pid), "--all", "--wdns=/run/home", *arguments)

    def run(self, *arguments: str, timeout_s: float = 60, check: bool = True) -> str:
        """Run a command on the host and return its output; a failure shows what it printed."""
        done = subprocess.run(
            self.command("env", "-i", *_environment(), *arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self) -> list[str]:
        """List the command lines of all processes but the first."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            with suppress(psutil.Error):
                found.append(" ".join(process.cmdline()))
        return found


def _environment() -> tuple[str, ...]:
    path = f"{PROJECT_ROOT}/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return f"PATH={path}", "HOME=/run/home", "PYTHONUNBUFFERED=1"


@contextmanager
def host(name: str, address: str, *init: str, inside: Host | None = None) -> Iterator[Host]:
    """Run a host with `init` as its first process; it also ends with the host `inside`."""
    command = (*_UNSHARE, "--kill-child", "sh", str(_INIT), *init)
    environment = {**os.environ, "NAME": name, "ROOT": str(PROJECT_ROOT)}
    environment["PACKAGES"] = str(PACKAGES) if PACKAGES.exists() else ""
    with subprocess.Popen(
        (*_WITH_US, *(inside.command(*command) if inside else command)),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while (line := process.stdout.readline()) != "ready\n":
                assert line, said
                said += line
            yield Host(name, address, _first(psutil.Process(process.pid)).pid)
        finally:
            process.kill()


def _first(process: psutil.Process) -> psutil.Process:
    """Find the process below `process` that is number 1 in a namespace of its own."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return process if numbers.split()[-1] == "1" else _first(process.children()[0])
