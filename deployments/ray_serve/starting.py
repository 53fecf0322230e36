"""How a replica of small4 starts: soon, or beside what serves and without a core of its own.

Read from Ray 2.60.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from deployments.collector import lasting
from deployments.idle_cores import on_idle_cores

# The `user_config` of a deployment whose replicas start as long as they must. Serve changes it
# without a restart of any replica.
UNHURRIED = {"start": "unhurried"}


@contextmanager
def starting() -> Iterator[None]:
    """Import what a replica needs, and start its processes."""
    from ray.serve.context import _get_internal_replica_context

    replica = _get_internal_replica_context()  # None outside of Serve
    unhurried = replica is not None and replica._deployment_config.user_config == UNHURRIED
    with lasting(), on_idle_cores() if unhurried else contextlib.nullcontext():
        yield
