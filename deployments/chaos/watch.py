"""Looks at a deployment again and again, in a thread, and keeps what was seen."""

import threading
import time
from collections.abc import Callable

from configs.errors import BenchError
from deployments.chaos.look import Look

_EVERY_S = 1.0  # a look takes a part of a core, which what is watched wants, too


class Watch:
    """A thread that looks until `stop`; `looks` grows meanwhile."""

    def __init__(self, look: Callable[[], Look]) -> None:
        self.looks: list[Look] = [look()]
        self._look = look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def look(self, condition: Callable[[Look], bool], after_s: float, timeout_s: float) -> Look:
        """Wait for a look that began after `after_s` and for which `condition` holds.

        Raises BenchError if there is none in time.
        """
        deadline_s = time.time() + timeout_s
        while time.time() < deadline_s:
            latest = self.looks[-1]
            if latest.at_s >= after_s and condition(latest):
                return latest
            time.sleep(_EVERY_S / 4)
        raise BenchError(f"the deployment isn't as it should be after {timeout_s:.0f} s.")

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.looks.append(self._look())
