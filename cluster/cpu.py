"""The name of this machine's CPU."""

import platform


def cpu_model(cpuinfo: str) -> str:
    """From the text of /proc/cpuinfo; ARM kernels don't tell a model."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
