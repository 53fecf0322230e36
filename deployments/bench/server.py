"""A server under test: started, frozen except while it is measured, stopped."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from configs.errors import BenchError
from deployments.bench.contender import Contender
from deployments.bench.family import Family
from deployments.bench.launch import Launch

_START_TIMEOUT_S = 300
_WAKE_TIMEOUT_S = 60
_LOG_TAIL_LINES = 25


class Server:
    """A running server; `started` makes one."""

    def __init__(self, contender: Contender, launch: Launch, process: "subprocess.Popen[bytes]"):
        self.contender = contender
        self.launch = launch
        self._process = process
        self._family = Family(process.pid)

    @classmethod
    @contextlib.contextmanager
    def started(cls, contender: Contender, launch: Launch, log: Path) -> Iterator["Server"]:
        """Start a server, wait for its first answer and freeze it; end it after the block.

        Raises BenchError with the end of its log if it doesn't come up.
        """
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own words
                launch.command,
                env={**os.environ, **launch.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the bench, which ends servers in order
            )
        server = cls(contender, launch, process)
        try:
            try:
                server._wait_for_answer(_START_TIMEOUT_S)
            except BenchError as error:
                raise BenchError(f"{error} Its log, {log}, ends:\n{_tail(log)}") from None
            server._family.freeze()
            yield server
        finally:
            server._family.end()

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Thaw the server, wait until it answers again, and freeze it after the block."""
        self._family.thaw()
        try:
            self._wait_for_answer(_WAKE_TIMEOUT_S)
            yield
        finally:
            self._family.freeze()

    def _wait_for_answer(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not self._answers():
            if self._process.poll() is not None:
                raise BenchError(
                    f"{self.contender} ended with exit status {self._process.returncode}."
                )
            if time.monotonic() > deadline_s:
                raise BenchError(f"{self.contender} doesn't answer after {timeout_s:.0f} s.")
            time.sleep(0.5)

    def _answers(self) -> bool:
        body = {
            "model": self.launch.model,
            "messages": [{"role": "user", "content": "Are you there?"}],
            "max_tokens": 1,
        }
        url = f"{self.launch.url}/v1/chat/completions"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.post(url, json=body, timeout=10, trust_env=False).is_success
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:])
