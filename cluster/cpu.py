"""The name of this machine's CPU."""

import platform


def cpu_model(cpuinfo: str) -> str:
    """Return the model that the text of /proc/cpuinfo names, or the architecture if it names none.

    ARM kernels name no model.
    """
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
