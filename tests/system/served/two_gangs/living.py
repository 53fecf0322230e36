"""Which gangs live, by what `small4 status` says and by their engines' processes."""

from typing import Any

import psutil


def gangs(status: dict[str, Any]) -> set[str]:
    return {rank["gang"] for rank in status["ranks"]}


def both_gangs(status: dict[str, Any]) -> bool:
    """Tell whether both gangs live; a rank that was killed is listed until its entry expires."""
    engines = [rank["engine_pid"] for rank in status["ranks"]]
    return len(gangs(status)) == 2 and all(psutil.pid_exists(engine) for engine in engines)
