"""Repeats what failed for a reason that may pass, a few times and after pauses.

botocore repeats requests itself; this is for bodies that end too soon, which it leaves to us, and
for a store that stays busy for longer than botocore waits.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

Result = TypeVar("Result")

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


def persist(attempt: Callable[[], Result]) -> Result:
    """Call `attempt` until it succeeds.

    Raises its last error if it never does, and an error that won't pass without trying again.
    """
    for failures in range(1, _ATTEMPTS):
        try:
            return attempt()
        except (ClientError, HTTPClientError, IncompleteReadError) as error:
            if not _may_pass(error):
                raise
        pause_s = min(_FIRST_PAUSE_S * 2**failures, _LONGEST_PAUSE_S)
        time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311, no secret
    return attempt()


def _may_pass(error: ClientError | HTTPClientError | IncompleteReadError) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status == 429 or status >= 500
