"""Waits for a store that doesn't answer, breaks off or is busy, and tries again: for two minutes.

botocore gives up a store that refuses connections after its last of a few tries, in a second.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError, IncompleteReadError

PATIENCE_S = 120.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_TELL_EVERY_S = 10.0
_CHUNK_BYTES = 1 << 20

logger = logging.getLogger("vllm.expert_shards")  # vLLM shows what is below its own name


class Patience:
    """Says how long to wait after each failure, until `patience_s` have passed since the first."""

    def __init__(
        self, patience_s: float | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._now = now
        self._end_s: float | None = None
        self._pause_s = _FIRST_PAUSE_S

    def pause_s(self) -> float | None:
        """Return the pause after another failure, or None if that was the last one to bear."""
        now_s = self._now()
        self._end_s = now_s + self._patience_s if self._end_s is None else self._end_s
        pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311, no secret
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return pause_s if now_s + pause_s <= self._end_s else None


class Retrying:
    """Decides for all requests of a client whether botocore sends them again.

    It is a handler of botocore's event `needs-retry`, which takes a number of seconds for an
    answer.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._tell_s = 0.0

    def __call__(
        self, response: Any, caught_exception: Any, request_dict: dict[str, Any], **_: Any
    ) -> float | None:
        why = _passing(response, caught_exception)
        if why is None:
            return None
        context = request_dict["context"]
        pause_s: float | None = context.setdefault("patience", Patience(self._patience_s)).pause_s()
        if pause_s is not None and time.monotonic() > self._tell_s:
            self._tell_s = time.monotonic() + _TELL_EVERY_S
            logger.warning("S3: %s. Trying again for up to %.0f s", why, self._patience_s)
        return pause_s


def may_pass(code: Any, status: Any) -> bool:
    """Tell whether S3 refuses for a while only: it is too busy, or fails itself."""
    return code == "RequestTimeout" or status == 429 or int(status or 0) >= 500


def _passing(response: Any, error: Any) -> str | None:
    if response is None:
        return str(error) if isinstance(error, NoConnection | HTTPClientError) else None
    http, parsed = response
    code = parsed.get("Error", {}).get("Code")
    return f"{http.status_code} {code}" if may_pass(code, http.status_code) else None


def stream(body_from: Callable[[int], Any]) -> Iterator[bytes]:
    """Yield the chunks of an object's body; where it breaks off, go on with another body.

    `body_from` opens a body that begins at a byte. Raises the last error if no more bytes come.
    """
    at, patience = 0, Patience()
    while True:
        with closing(body_from(at)) as body:
            try:
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    at, patience = at + len(chunk), Patience()
                    yield chunk
                return
            except (HTTPClientError, IncompleteReadError):
                pause_s = patience.pause_s()
                if pause_s is None:
                    raise
        time.sleep(pause_s)
