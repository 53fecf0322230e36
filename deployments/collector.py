"""Python's garbage collector, while a process imports what it will hold for ever."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Take all that is made meanwhile for lasting: the collector looks at none of it, ever.

    Otherwise it goes through vLLM's half a million objects again and again while they are made,
    which takes a quarter of the time of their import, and then once in a while under requests.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
